defmodule AshRusqlite.PackageTest do
  # The code path is one for the whole VM.
  use ExUnit.Case, async: false

  alias AshRusqlite.Package

  @moduletag :tmp_dir

  test "a package that comes into the code path is found, whatever was remembered",
       %{tmp_dir: folder} do
    refute Package.available?(LatePackage)
    refute Package.available?(LatePackage)

    [{LatePackage, code}] = Code.compile_string("defmodule LatePackage do end")
    :code.purge(LatePackage)
    :code.delete(LatePackage)
    :code.purge(LatePackage)
    refute Package.available?(LatePackage)

    File.write!(Path.join(folder, "Elixir.LatePackage.beam"), code)
    Code.append_path(folder)
    on_exit(fn -> Code.delete_path(folder) end)
    assert Package.available?(LatePackage)
    assert Package.available?(LatePackage)
  end

  test "a module that is there is found" do
    assert Package.available?(AshRusqlite)
  end
end
