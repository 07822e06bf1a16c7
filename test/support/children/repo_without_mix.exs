# A script of plain `elixir`, where Mix is on the code path and not started.
defmodule WithoutMix.Repo do
  use AshRusqlite.Repo, otp_app: :without_mix
end

{:ok, _} = WithoutMix.Repo.start_link(database: ":memory:", log_start: false)
IO.puts("auto_migrate #{WithoutMix.Repo.__auto_migrate__()}")
