defmodule AshRusqlite.Repo.Pages do
  @moduledoc false
  # A stream reads page by page, each by the place where the last one ended, so that
  # nothing of the database is held between two pages.

  alias AshRusqlite.Error
  alias AshRusqlite.Repo.{Options, Request, Statement}

  @default_page 500
  @known [:select, :where, :order_by, :limit, :offset, :distinct, :after, :max_rows]

  @doc "The rows of a query as a stream."
  @spec stream(AshRusqlite.Repo.repo(), AshRusqlite.Repo.table(), keyword()) :: Enumerable.t()
  def stream(repo, table, opts), do: stream(repo, table, opts, & &1)

  @doc "The same, where a value that cannot be read is `{reference, error}`."
  @spec marked(AshRusqlite.Repo.repo(), AshRusqlite.Repo.table(), keyword()) :: Enumerable.t()
  def marked(repo, table, opts), do: stream(repo, table, opts, &Request.marked/1)

  defp stream(repo, table, opts, form) do
    with {:ok, timeout, opts} <- Options.pop_timeout(opts, nil),
         :ok <- Options.known(opts, @known),
         {size, opts} = Keyword.pop(opts, :max_rows, @default_page),
         {limit, opts} = Keyword.pop(opts, :limit),
         :ok <- count(:max_rows, size, 1),
         :ok <- if(limit == nil, do: :ok, else: count(:limit, limit, 0)) do
      page = &Statement.read(repo, form.(Request.page(table, &1, &2)), timeout)
      Stream.resource(fn -> {:more, nil, limit} end, &next(&1, page, opts, size), fn _ -> :ok end)
    else
      {:error, error} -> raise error
    end
  end

  defp next(:done, _page, _opts, _size), do: {:halt, :done}
  defp next({:more, _cursor, 0}, _page, _opts, _size), do: {:halt, :done}

  defp next({:more, cursor, left}, page, opts, size) do
    wanted = if left, do: min(left, size), else: size
    # The rows before the cursor are behind us, and so are the skipped ones.
    opts = if cursor, do: Keyword.delete(opts, :offset), else: opts

    case page.([limit: wanted] ++ opts, cursor) do
      {:ok, {rows, nil}} -> {rows, :done}
      {:ok, {rows, cursor}} -> {rows, {:more, cursor, left && left - length(rows)}}
      {:error, %Error{} = error} -> raise error
    end
  end

  defp count(_option, count, least) when is_integer(count) and count >= least, do: :ok
  defp count(option, other, 0), do: Options.wrong(option, other, "a count of rows")
  defp count(option, other, _), do: Options.wrong(option, other, "a positive count of rows")
end
