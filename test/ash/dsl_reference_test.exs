# docs/dsl.md is made of the sections of the DSL by Spark, as `mix spark.cheat_sheets` does it.
defmodule AshRusqlite.DataLayer.DslReferenceTest do
  use ExUnit.Case, async: true

  alias AshRusqlite.DataLayer

  @page "docs/dsl.md"

  @head """
  <!-- Made of the DSL by `ASH_RUSQLITE_WRITE_DOCS=1 mix test test/ash/dsl_reference_test.exs`. Do not edit it. -->

  # DSL of the data layer

  What `use Ash.Resource, data_layer: AshRusqlite.DataLayer` adds to a resource. Every section and option is
  optional. The data layer itself is described in `AshRusqlite.DataLayer`, and how options of AshSqlite are
  treated in [From AshSqlite](../guides/from-ash-sqlite.md#the-options).

  """

  test "the reference of the DSL has its sections, entities and options" do
    if System.get_env("ASH_RUSQLITE_WRITE_DOCS") == "1", do: File.write!(@page, page())
    assert File.read!(@page) == page()
  end

  test "each section, entity and option of the DSL says what it is" do
    for section <- DataLayer.sections(), {path, item} <- items(section, []) do
      assert item.describe != "", "#{path} says nothing"

      for {name, option} <- item.schema, not Map.get(Map.new(option), :hide, false) do
        assert option[:doc] not in [nil, ""], "#{path}.#{name} says nothing"
      end
    end
  end

  test "the sections, entities and options of the cheatsheet are those of the DSL" do
    names =
      for section <- DataLayer.sections(),
          {_path, item} <- items(section, []),
          name <- [item.name | Keyword.keys(item.schema)],
          uniq: true,
          do: to_string(name)

    text = File.read!("guides/cheatsheet.cheatmd")

    written =
      for [_, block] <- Regex.scan(~r/^sqlite do\n(.*?)^end$/ms, text),
          [_, name] <- Regex.scan(~r/^ +([a-z_]+\??) (?!.*=>)/m, block),
          # An option of the entity on the line before.
          name != "where",
          uniq: true,
          do: name

    assert length(written) > 20
    assert written -- names == []
  end

  defp items(item, path) do
    path = path ++ [item.name]
    nested = Map.get(item, :sections, []) ++ entities(item.entities)
    [{Enum.join(path, "."), item} | Enum.flat_map(nested, &items(&1, path))]
  end

  # Those of an entity are under the names of its fields.
  defp entities(entities) do
    Enum.flat_map(entities, fn
      {_field, entities} -> entities
      entity -> [entity]
    end)
  end

  defp page do
    body = Enum.map_join(DataLayer.sections(), "\n\n", &Spark.CheatSheet.section_cheat_sheet/1)

    body
    # What GitHub shows as well as ex_doc: headings whose anchors are the same on both, no attributes.
    |> String.replace(~r/^\#{3} (Nested DSLs|Examples|Arguments|Options)$/m, "\n**\\1**\n")
    |> String.replace(~r/^\#{3} Introspection\n+Target: .*\n/m, "")
    |> String.replace(~r/^\#{2,} [a-z].*$/m, &(String.replace(&1, ".", " ") <> "\n"))
    |> String.replace(~r/\[(`\S+`)\]\(\S+\)\{: \S+ \.spark-required\}/, "\\1 (required)")
    |> String.replace(~r/\[(`\S+`)\]\(\S+\)\{: \S+ *\}/, "\\1")
    |> String.replace(~r/^ ( *\* )/m, "\\1")
    |> String.replace(~r/[ \t]+$/m, "")
    |> String.replace(~r/\n+```$/m, "\n```")
    |> String.replace(~r/\n{3,}/, "\n\n")
    |> then(&(@head <> String.trim(&1) <> "\n"))
  end
end
