defmodule AshRusqlite.MixCompiler.ReloadTest do
  use ExUnit.Case, async: true

  alias AshRusqlite.MixCompiler.Reload
  alias AshRusqlite.Native

  @moduletag :tmp_dir

  defp beam(module, value) do
    clause = {:clause, 1, [], [], [{:integer, 1, value}]}

    {:ok, ^module, binary} =
      :compile.forms([
        {:attribute, 1, :module, module},
        {:attribute, 1, :export, [value: 0]},
        {:function, 1, :value, 0, [clause]}
      ])

    binary
  end

  defp loaded!(folder, module, value) do
    file = Path.join(folder, "#{module}.beam")
    {:module, ^module} = :code.load_binary(module, String.to_charlist(file), beam(module, value))
    file
  end

  test "modules that changed are loaded, and those whose sources were removed are gone",
       context do
    {:module, _} = Code.ensure_loaded(Native)
    library = :persistent_term.get({Native, :library})
    folder = Path.expand(context.tmp_dir)

    changed = loaded!(folder, :reload_test_changed, 1)
    _removed = loaded!(folder, :reload_test_removed, 1)
    File.write!(changed, beam(:reload_test_changed, 2))

    assert Reload.load(library, folder) == {:ok, true}
    assert apply(:reload_test_changed, :value, []) == 2
    refute :erlang.module_loaded(:reload_test_removed)
    assert Reload.load(library, folder) == {:ok, false}
  end
end
