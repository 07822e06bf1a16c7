defmodule AshRusqlite.Bench.GenerateFigures do
  @moduledoc false
  # How long a developer waits for a migration.

  alias AshRusqlite.Bench.{Figure, World}
  alias AshRusqlite.Repo.Generator

  @wanted AshRusqlite.DataLayer.Migrations.Wanted
  @compile {:no_warn_undefined, [@wanted, Ash.Domain.Info]}

  @tables 100
  @allowed_ms 3_000
  # Of the chat's seven resources this is more than a hundred.
  @times 15

  @doc "The figures."
  @spec all() :: [Figure.t()]
  def all do
    [
      %Figure{
        name: "generate the first migration of #{@tables} resources, against 3 s",
        unit: :ms,
        limit: :at_most,
        bar: 1.0,
        measure: &measure(&1, fn _folder -> tables(0) end)
      },
      %Figure{
        name:
          "generate a column, an index and a check for each of #{@tables} resources, against 3 s",
        unit: :ms,
        limit: :at_most,
        bar: 1.0,
        measure:
          &measure(&1, fn folder ->
            {:ok, %{files: [file]}} = generate(folder, tables(0))
            File.write!(Path.join(folder, file.name), file.text)
            tables(1)
          end)
      }
    ]
  end

  # Where Ash is, the resources are read again each time.
  defp measure(%World{folder: folder, rounds: rounds}, prepare) do
    folder = Path.join(folder, "generate")
    File.mkdir_p!(folder)
    wanted = prepare.(folder)

    pairs =
      for _ <- 1..rounds do
        {us, :ok} =
          :timer.tc(fn ->
            read_resources()
            {:ok, %{files: [_ | _]}} = generate(folder, wanted)
            :ok
          end)

        {us / 1_000, @allowed_ms}
      end

    File.rm_rf!(folder)
    pairs
  end

  defp read_resources do
    if Code.ensure_loaded?(@wanted) do
      resources = Ash.Domain.Info.resources(AshChat.Chat)
      for _ <- 1..@times, do: {:ok, _wanted, _notes} = @wanted.of(AshChat.Repo, resources)
    end
  end

  defp generate(folder, tables),
    do: Generator.generate(folder, [tables: tables], name: "bench", version: 20_260_101_000_000)

  defp tables(step), do: for(number <- 1..@tables, do: table(number, step))

  defp table(number, step) do
    name = "table_#{number}"

    [
      table: name,
      primary_key: ["id"],
      columns:
        [[name: "id", type: "UUID_TEXT", null: false]] ++
          for(n <- 1..(10 + step), do: [name: "column_#{n}", type: "TEXT", default: "#{n}"]) ++
          [[name: "parent_id", type: "UUID_TEXT"]],
      indexes:
        for n <- 1..(2 + step) do
          [name: "#{name}_column_#{n}_index", columns: ["column_#{n}"], unique: n == 1]
        end,
      checks:
        for(n <- 1..(1 + step), do: [name: "#{name}_check_#{n}", sql: "column_#{n} <> 'x'"]),
      foreign_keys: [
        [
          name: "#{name}_parent_id_fkey",
          columns: ["parent_id"],
          references: "table_#{div(number, 2) + 1}",
          on: ["id"],
          on_delete: :nilify
        ]
      ]
    ]
  end
end
