defmodule AshRusqlite.Repo.Unreadable do
  @moduledoc """
  Finds the stored values that cannot be read, without Ash. Those of Ash's resources are found by
  `AshRusqlite.unreadable/2`; `mix ash_rusqlite.check --unreadable` prints both.
  """

  alias AshRusqlite.{Error, Progress, Repo}
  alias AshRusqlite.Repo.{Options, Pages, Reads, Request, Statement}

  # How many rows are looked at between two reports.
  @page 500

  @doc """
  The values of a table that its columns cannot be read as: blobs of `JSON_TEXT` columns that are no
  term, hold functions or pids, or more atoms than may be made (`AshRusqlite.Repo.StoredAtoms`), and
  what other programs wrote. They are found while the stream runs, page by page.

  Each is a map of

    * `:table`, `:column`
    * `:key` - the primary key of the row in words, as `"id: 7"`; nil where the table has none
    * `:why` - what is wrong with it

  The option is `progress:`, a function that gets the map of `AshRusqlite.Progress` after every 500
  rows. Raises an `AshRusqlite.Error` where the table is not there, or cannot be read at all.

      Enum.to_list(AshRusqlite.Repo.Unreadable.stream(MyApp.Repo, :notes))
      #=> [%{table: "notes", key: "id: 2", column: "style", why: "a value of notes.style cannot …"}]
  """
  @spec stream(Repo.repo(), Repo.table(), keyword()) ::
          Enumerable.t(%{
            table: String.t(),
            key: String.t() | nil,
            column: String.t(),
            why: String.t()
          })
  def stream(repo, table, opts \\ []) do
    repo
    |> rows(table, nil, opts[:progress])
    |> Stream.flat_map(fn row ->
      for {_column, {mark, native}} when is_reference(mark) <- row do
        error = Error.from_native(native)

        %{
          table: to_string(table),
          key: error.details[:key],
          column: error.details[:column],
          why: error.message
        }
      end
    end)
  end

  @doc """
  The rows of `c:AshRusqlite.Repo.all/2` without those that hold a value that cannot be read. These
  are left out after `limit:` and `offset:`. Raises the same errors.

      AshRusqlite.Repo.Unreadable.leave_out(MyApp.Repo, :notes, order_by: :id)
      #=> [%{id: 1, style: %{}}, %{id: 3, style: nil}]
  """
  @spec leave_out(Repo.repo(), Repo.table(), keyword()) :: [Repo.row()]
  def leave_out(repo, table, opts \\ []) do
    with {:ok, timeout, opts} <- Options.pop_timeout(opts, nil),
         read = Request.marked(Request.all(table, opts)),
         {:ok, rows} <- Statement.read(repo, read, timeout) do
      Enum.reject(rows, fn row -> Enum.any?(row, &marked?/1) end)
    else
      {:error, error} -> raise error
    end
  end

  defp marked?({_column, {mark, _native}}) when is_reference(mark), do: true
  defp marked?(_field), do: false

  @doc """
  The names of all tables that users have made.

      AshRusqlite.Repo.Unreadable.tables(MyApp.Repo)
      #=> ["messages", "rooms"]
  """
  @spec tables(Repo.repo()) :: [String.t()]
  def tables(repo) do
    case Statement.read(repo, Request.tables(), nil) do
      {:ok, {_columns, rows}} -> List.flatten(rows)
      {:error, error} -> raise error
    end
  end

  @doc false
  # The rows of a table, in which what cannot be read is `{reference, error}`.
  @spec rows(Repo.repo(), Repo.table(), [atom()] | nil, (map() -> term()) | nil) ::
          Enumerable.t(map())
  def rows(repo, table, columns, progress) do
    opts = if columns, do: [select: columns], else: []

    repo
    |> Pages.marked(table, [max_rows: @page] ++ opts)
    |> Progress.of_check(progress, to_string(table), @page, fn -> Reads.count(repo, table) end)
  end
end
