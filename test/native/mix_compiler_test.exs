defmodule Mix.Tasks.Compile.AshRusqliteNativeTest do
  use ExUnit.Case, async: true

  alias Mix.Tasks.Compile.AshRusqliteNative

  @moduletag :tmp_dir

  test "the library of the last build is there, and nothing is to be done" do
    assert AshRusqliteNative.run([]) == {:noop, []}
    name = File.read!("priv/native/current")
    assert name =~ ~r/^libash_rusqlite_nif-[0-9a-f]{32}$/
    assert File.regular?("priv/native/#{name}.so")
    assert [manifest] = AshRusqliteNative.manifests()
    assert File.regular?(manifest)
  end

  test "a release carries one library and the name of it" do
    name = File.read!("priv/native/current")
    assert Enum.sort(File.ls!("priv/native")) == ["current", name <> ".so"]
  end

  test "after builds of other content there is one library, the last one", %{tmp_dir: folder} do
    {native, symbols} = {Path.join(folder, "native"), Path.join(folder, "symbols")}
    first = AshRusqliteNative.install(built(folder, 1), native, symbols, objcopy())
    second = AshRusqliteNative.install(built(folder, 2), native, symbols, objcopy())

    assert first != second
    assert Enum.sort(File.ls!(native)) == ["current", second <> ".so"]
    assert File.read!(Path.join(native, "current")) == second
  end

  test "a build of the same content is the same library", %{tmp_dir: folder} do
    {native, symbols} = {Path.join(folder, "native"), Path.join(folder, "symbols")}
    name = AshRusqliteNative.install(built(folder, 1), native, symbols, objcopy())
    assert AshRusqliteNative.install(built(folder, 1), native, symbols, objcopy()) == name
    assert Enum.sort(File.ls!(native)) == ["current", name <> ".so"]
  end

  if System.find_executable("objcopy") do
    test "the library is stripped, and names the file that its symbols are in",
         %{tmp_dir: folder} do
      {native, symbols} = {Path.join(folder, "native"), Path.join(folder, "symbols")}
      built = built(folder, 1)
      assert File.read!(built) =~ ".debug_info"

      name = AshRusqliteNative.install(built, native, symbols, objcopy())
      library = File.read!(Path.join(native, name <> ".so"))
      refute library =~ ".debug_info"
      refute library =~ "not_exported"
      assert library =~ "exported"
      assert library =~ name <> ".debug"

      assert File.ls!(symbols) == [name <> ".debug"]
      assert File.read!(Path.join(symbols, name <> ".debug")) =~ "not_exported"
    end
  end

  test "without objcopy the library is taken as the linker left it", %{tmp_dir: folder} do
    {native, symbols} = {Path.join(folder, "native"), Path.join(folder, "symbols")}
    built = built(folder, 1)
    name = AshRusqliteNative.install(built, native, symbols, nil)
    assert File.read!(Path.join(native, name <> ".so")) == File.read!(built)
    refute File.exists?(symbols)
  end

  defp objcopy, do: System.find_executable("objcopy")

  defp built(folder, number) do
    source = Path.join(folder, "library.c")
    library = Path.join(folder, "library.so")

    File.write!(source, """
    static __attribute__((noinline)) int not_exported(int n) { return n * #{number}; }
    int exported(int n) { return not_exported(n) + #{number}; }
    """)

    assert {_, 0} = System.cmd("cc", ~w(-g -shared -fPIC -o) ++ [library, source])
    library
  end
end
