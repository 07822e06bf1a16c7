defmodule AshRusqlite.Repo.Generator do
  @moduledoc """
  Migrations that write themselves: what leads from the files of a folder to a wanted schema.

  The files are run in a database in memory, the wanted schema is made in another one, and the
  difference is written as a file with its way back. No snapshots are kept: the files are what was
  applied. Before a file is returned it is proved in memory that its up part leaves nothing to do and
  that its down part leads back.

  `mix ash.codegen` and `mix ash_rusqlite.gen.migration` call it; nothing is written to the disk here.

      iex> rooms = [table: "rooms", primary_key: ["id"], columns: [[name: "id", type: "INTEGER"]]]
      iex> {:ok, generated} =
      ...>   AshRusqlite.Repo.Generator.generate(nil, [tables: [rooms]], name: "rooms", version: 1)
      iex> [%{name: "1_rooms.sql", text: text}] = generated.files
      iex> text =~ "-- up\\n\\nCREATE TABLE rooms (\\n  id INTEGER PRIMARY KEY\\n);"
      true
  """

  alias AshRusqlite.{Error, Native}
  alias AshRusqlite.Repo.Schema

  @typedoc """
  What is wanted:

    * `:tables` - a list of tables as `AshRusqlite.Repo.Schema` describes them. What was written by
      hand beside them, such as another index, stays
    * `:statements` - a list of `[name:, up:, down:]`: SQL that is run once, behind all other; a
      statement whose `up` changes is taken back by its old `down` first
    * `:schema` - all of the schema in SQL, in place of tables: what is not in it goes
    * `:ignored` - names of tables that are left alone
    * `:tenants` - names of tables that each tenant has one of its own of, `rooms@acme` besides `rooms`.
      A file that changes one is run for each tenant, too
  """
  @type wanted :: [
          {:tables, [Schema.table_spec()]}
          | {:statements, [keyword() | map()]}
          | {:schema, String.t() | nil}
          | {:ignored | :tenants, [atom() | String.t()]}
        ]

  @typedoc "A file to be written into the folder."
  @type generated_file :: %{name: String.t(), version: pos_integer(), text: String.t()}

  @typedoc """
  Whether something new was renamed, which only a person knows: `:to` is its name, `:from` those that
  it may have had, the most similar one first. `:table` is that of a column, by its new name.
  """
  @type question :: %{
          kind: :table | :column,
          table: String.t() | nil,
          to: String.t(),
          from: [String.t()]
        }

  @doc """
  Writes what leads from the files of a folder, a path or nil for none, to what is wanted.

  Options:

    * `:name` - of the file, behind its version
    * `:version` - an integer, by custom 14 digits of the time. It is raised behind that of the newest
      file
    * `:drop` - whether columns and tables that are not wanted any longer are dropped. Where there is
      something to add as well, that is a second file, for a later release
    * `:rename_tables` - a list of `{from, to}`
    * `:rename_columns` - a list of `{table, from, to}`, by the table's new name
    * `:not_renamed` - what is new in truth: a list of `{:table, name}` and `{:column, table, name}`
    * `:fill` - a list of `{table, column, sql}`: the value of rows that have none in a column that
      must have one
    * `:skip` - names of files in the folder that are left out

  Returns the files, none where there is nothing to do or a question is open, the questions, which
  are answered by `:rename_tables`, `:rename_columns` and `:not_renamed` of another call, and notes
  for a person. Errors: `:invalid_migration` and `:migration_failed` for files that cannot be run,
  `:invalid_option`, and `:migration_failed` where a view or trigger that was written by hand is in
  the way.
  """
  @spec generate(Path.t() | nil, wanted(), keyword()) ::
          {:ok, %{files: [generated_file()], questions: [question()], notes: [String.t()]}}
          | {:error, Error.t()}
  def generate(folder, wanted, options) do
    folder = folder && Path.expand(folder)

    with {:error, native} <- Native.generate_migrations(folder, wanted, options),
         do: {:error, Error.from_native(native)}
  end
end
