defmodule AshRusqliteTest do
  use ExUnit.Case, async: true

  doctest AshRusqlite

  test "versions name the engine, SQLite and the layout" do
    assert %{engine: engine, sqlite: sqlite, layout: layout} = AshRusqlite.versions()
    assert Version.match?(engine, ">= 0.1.0")
    assert Version.match?(sqlite, ">= 3.51.3")
    assert is_integer(layout)
  end

  test "every public function and callback is documented and has a spec" do
    {:ok, modules} = :application.get_key(:ash_rusqlite, :modules)

    ours = Enum.filter(modules, &(String.starts_with?(inspect(&1), "AshRusqlite") and ours?(&1)))
    assert AshRusqlite.Repo in ours

    for module <- ours do
      assert {:docs_v1, _, _, _, module_doc, _, entries} = Code.fetch_docs(module)
      assert module_doc != :none, "#{inspect(module)} has no moduledoc"

      for {{kind, name, arity}, _, _, doc, _} <- entries,
          kind in [:function, :macro, :callback],
          {name, arity} not in [{:message, 1}, {:exception, 1}, {:child_spec, 1}],
          # Ash makes it of its functions.
          {name, arity} != {:has_partial_evaluate?, 0},
          # Spark makes them of a transformer.
          {name, arity} not in [{:after_compile?, 0}, {:before?, 1}, {:after?, 1}],
          # Spark makes them of the data layer's DSL.
          kind != :macro or not String.starts_with?(inspect(module), "AshRusqlite.DataLayer") do
        assert doc != :none, "#{inspect(module)}.#{name}/#{arity} has no doc"
      end
    end
  end

  # Not what the tests have, and not what Ash makes of a domain, a resource or a type.
  defp ours?(module) do
    source = to_string(module.module_info(:compile)[:source])

    Path.relative_to_cwd(source) =~ ~r"^lib/" and
      not function_exported?(module, :spark_dsl_config, 0) and
      not function_exported?(module, :cast_stored, 2)
  end
end
