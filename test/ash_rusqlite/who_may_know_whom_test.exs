# Which part of `lib/` may name which, and that no circle is among them. The files are read as text, so that
# the data layer counts where Ash is not, too.
defmodule AshRusqlite.WhoMayKnowWhomTest do
  use ExUnit.Case, async: true

  # By part, the parts whose modules its code may name; folders of `data_layer/` begin with a slash here. A part
  # is a file or a folder of `lib/ash_rusqlite/`, with the file beside a folder of the same name. To name
  # another part is a decision, so it is written down here. It must close no circle.
  @may_name %{
    # What all others stand on
    "actor" => ~w(),
    "error" => ~w(),
    "event" => ~w(),
    "package" => ~w(),
    "progress" => ~w(),
    "request" => ~w(),
    "result" => ~w(),
    "telemetry" => ~w(package),

    # Without Ash
    "native" => ~w(request),
    "repo" => ~w(actor error event native package progress request result telemetry),
    "journal" => ~w(error event repo request),
    "migrator" => ~w(error progress repo),
    "sandbox" => ~w(error repo),

    # The folders of the data layer
    "/dsl" => ~w(),
    "/results" => ~w(),
    "/value" => ~w(error repo request telemetry),
    "/errors" => ~w(error repo /dsl /value),
    "/place" => ~w(error repo /dsl /errors),
    "/transaction" => ~w(error repo /errors /place),
    "/expression" => ~w(error repo request /dsl /place /value),
    "/journal" => ~w(actor error repo /dsl /expression /place /value),
    "/schema" => ~w(error repo /dsl /expression /journal /value),
    "/migrations" => ~w(error /dsl /errors /journal /schema /value),
    "/repo_extension" => ~w(repo /dsl /journal /schema),
    "/store" => ~w(error repo /dsl /errors /place /schema /transaction),
    "/query" => ~w(error repo request /dsl /expression /place /store /value),
    "/residual" => ~w(error telemetry /expression /query /results),
    "/read" =>
      ~w(error repo request telemetry) ++
        ~w(/errors /expression /place /query /residual /results /store /value),
    "/write" =>
      ~w(error repo request /dsl /errors /expression /journal /place /query /read /residual) ++
        ~w(/results /schema /store /transaction /value),
    "/explain" => ~w(repo request /errors /place /query /read /results /store),
    "/check" => ~w(error progress repo request /dsl /errors /read /store /value),
    "/notifications" => ~w(error event journal repo /dsl /value),

    # What applications call
    "ash_rusqlite" => ~w(error repo /check /explain /schema),
    "mix" => ~w(ash_rusqlite error migrator progress repo /check /migrations /schema),
    "data_layer" =>
      ~w(mix repo /dsl /expression /journal /place /query /read /residual /results) ++
        ~w(/store /transaction /write),
    "journal resource" => ~w(data_layer repo /dsl /value)
  }

  # What is in the folder of another part. The terms that go to the native library are known on both sides of
  # it. A repo has its subscriptions and the process that serves them. A
  # resource of events is a user of the data layer.
  @elsewhere %{
    "journal/hub.ex" => "repo",
    "journal/subscription.ex" => "repo",
    "journal/about.ex" => "journal resource",
    "journal/key.ex" => "journal resource",
    "journal/resource.ex" => "journal resource",
    "repo/expression.ex" => "request",
    "repo/request.ex" => "request",
    "repo/vocabulary.ex" => "request"
  }

  @tag :tmp_dir
  test "each part names only what the table says", %{tmp_dir: folder} do
    assert unlisted(edges("lib")) == []

    # It can fail: a folder that names what it may not is reported with the file.
    path = Path.join(folder, "ash_rusqlite/data_layer/value/codec.ex")
    File.mkdir_p!(Path.dirname(path))

    File.write!(path, """
    defmodule AshRusqlite.DataLayer.Value.Codec do
      alias AshRusqlite.DataLayer.{Query, Read}
      def run(query), do: Read.run(query)
    end
    """)

    assert ["/value may not name /read: " <> _] = folder |> edges() |> unlisted()
  end

  test "the table has nothing that no part needs" do
    used = for {from, to, _file, _module} <- edges("lib"), uniq: true, do: {from, to}
    listed = for {from, parts} <- @may_name, to <- parts, do: {from, to}

    assert listed -- used == []
  end

  test "no part knows itself by way of others" do
    assert circles(@may_name) == []
    assert circles(%{"a" => ["b"], "b" => ["c"], "c" => ["a"], "d" => ["a"]}) == ["a", "b", "c"]
  end

  defp unlisted(edges) do
    for {from, to, file, module} <- edges, to not in Map.get(@may_name, from, []) do
      "#{from} may not name #{to}: #{file} names #{inspect(module)}"
    end
  end

  defp circles(table) do
    for {part, _} <- table, part in reachable(table, table[part], []), do: part
  end

  defp reachable(_table, [], seen), do: seen

  defp reachable(table, [part | rest], seen) do
    if part in seen,
      do: reachable(table, rest, seen),
      else: reachable(table, Map.get(table, part, []) ++ rest, [part | seen])
  end

  ## Who names whom

  # As `{from, to, file, module}`. Modules are those that are defined in `lib/`, whatever folder is read.
  defp edges(folder) do
    owners =
      for {path, code} <- code("lib"),
          name <- defined(code, []),
          into: %{},
          do: {name, part(path)}

    for {path, code} <- code(folder),
        name <- named(code),
        to = owner(name, owners),
        to not in [nil, part(path)],
        uniq: true,
        do: {part(path), to, path, Module.concat(name)}
  end

  defp code(folder) do
    for path <- Path.wildcard(folder <> "/**/*.ex"),
        do: {Path.relative_to(path, folder), path |> File.read!() |> Code.string_to_quoted!()}
  end

  defp part("ash_rusqlite/data_layer/" <> path), do: "/" <> first(path)
  defp part("ash_rusqlite/" <> path), do: Map.get(@elsewhere, path) || first(path)
  defp part(path), do: first(path)

  defp first(path), do: path |> Path.split() |> hd() |> Path.rootname()

  # A module that is defined within another, or by a macro, is of the part of the one around it.
  defp owner(name, owners) do
    case owners do
      %{^name => part} -> part
      _ when length(name) > 2 -> name |> Enum.drop(-1) |> owner(owners)
      _ -> nil
    end
  end

  defp defined({kind, _, [{:__aliases__, _, name}, body]}, around)
       when kind in [:defmodule, :defprotocol] do
    name = if hd(name) in [:AshRusqlite, :Mix], do: name, else: around ++ name
    [name | defined(body, name)]
  end

  defp defined({_, _, arguments}, around), do: defined(arguments, around)
  defp defined({left, right}, around), do: defined(left, around) ++ defined(right, around)
  defp defined(list, around) when is_list(list), do: Enum.flat_map(list, &defined(&1, around))
  defp defined(_code, _around), do: []

  # The modules that code names, apart from the lines that only shorten names.
  defp named(code) do
    {code, short} = Macro.prewalk(code, %{}, &shorten/2)

    {_code, names} =
      Macro.prewalk(code, [], fn
        {:__aliases__, _, [first | _] = name} = node, names when is_atom(first) ->
          {node, [full(name, short) | names]}

        node, names ->
          {node, names}
      end)

    Enum.uniq(names)
  end

  defp shorten({:alias, _, [{:__aliases__, _, name} | options]}, short) do
    as = with [[as: {:__aliases__, _, [as]}]] <- options, do: as
    {nil, Map.put(short, if(is_atom(as), do: as, else: List.last(name)), full(name, short))}
  end

  defp shorten({:alias, _, [{{:., _, [{:__aliases__, _, base}, :{}]}, _, names}]}, short) do
    {nil,
     for({:__aliases__, _, name} <- names, into: short) do
       {List.last(name), full(base ++ name, short)}
     end}
  end

  defp shorten(node, short), do: {node, short}

  defp full([first | rest] = name, short) do
    case short do
      %{^first => full} -> full ++ rest
      _ -> name
    end
  end
end
