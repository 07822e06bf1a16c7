# Says for each path with which code it is refused, or that it could be opened.
for path <- System.argv() do
  case AshRusqlite.Repo.start_link(database: path, busy_timeout: 1_000) do
    {:ok, _} -> IO.puts("opened")
    {:error, error} -> IO.puts("#{error.code} #{error.message} #{inspect(error.details)}")
  end
end
