defmodule AshRusqlite.DocsTest do
  # The pages of the documentation: what they link to, name and group exists.
  use ExUnit.Case, async: true

  @pages Enum.sort(
           ~w(README.md CONTRIBUTING.md CHANGELOG.md) ++
             Path.wildcard("docs/*.md") ++ Path.wildcard("guides/*.{md,cheatmd}")
         )

  # What the field has other words for.
  @words ~r/\b(told|tells?|telling|hears?|heard|mends?|mended|patience|so many|speaks? of|stands? in for)\b/i

  test "every relative link of a page leads to a file, and its anchor to a heading of that file" do
    broken =
      for page <- @pages,
          target <- links(page),
          not String.contains?(target, "://"),
          not leads_somewhere?(page, target),
          do: {page, target}

    assert broken == []
  end

  test "every source file that the docs name is there" do
    files = Enum.flat_map(~w(lib native test bench examples guides docs), &files/1)

    missing =
      for page <- ["README.md", "CONTRIBUTING.md" | Path.wildcard("docs/*.md")],
          [_, name] <- Regex.scan(~r/`([\w.\/]+\.(?:rs|exs?|md))`/, text_of(page)),
          not File.exists?(name),
          not Enum.any?(files, &String.ends_with?(&1, "/" <> name)),
          do: {page, name}

    assert missing == []
  end

  test "the pages are written in the field's words" do
    found =
      for page <- @pages,
          {line, number} <- page |> File.read!() |> String.split("\n") |> Enum.with_index(1),
          line =~ @words,
          do: "#{page}:#{number}: #{line}"

    assert found == []
  end

  test "the extras of the documentation are the pages that are there" do
    extras = for extra <- docs()[:extras], do: page_of(extra)
    assert Enum.filter(extras, &(not File.regular?(&1))) == []

    pages = Path.wildcard("docs/*.md") ++ Path.wildcard("guides/*.{md,cheatmd}")
    assert pages -- extras == []
    assert extras -- Enum.uniq(extras) == []
  end

  test "each group of extras has a page" do
    for {group, pattern} <- docs()[:groups_for_extras] do
      pages =
        for extra <- docs()[:extras], page = page_of(extra), in_group(page, pattern), do: page

      assert pages != [], "#{group} is empty"
    end
  end

  test "each documented module is in one group, and each group names modules that are there" do
    documented = documented()
    groups = docs()[:groups_for_modules]

    # The data layer is compiled only where Ash is.
    absent =
      for {group, patterns} <- groups,
          module <- List.wrap(patterns),
          is_atom(module),
          module not in documented,
          Code.ensure_loaded?(Ash) or not needs_ash?(module),
          do: {group, module}

    assert absent == []

    loose =
      for module <- documented,
          module != AshRusqlite,
          not Enum.any?(groups, fn {_group, patterns} -> in_group(module, patterns) end),
          do: module

    assert loose == []
  end

  test "the pages and the documentation of modules refer to no module without documentation" do
    hidden = hidden()

    texts =
      for(page <- @pages, do: {page, text_of(page)}) ++
        for {module, _docs} = documented <- docs_of_modules(),
            text <- texts_of(documented),
            do: {module, text}

    found =
      for {where, text} <- texts,
          [_, name] <- Regex.scan(~r/`[cmt]?:?(AshRusqlite(?:\.[A-Z]\w*)*)[`.]/, text),
          name in hidden,
          uniq: true,
          do: {where, name}

    assert found == []
  end

  test "the specs and types of documented modules refer to no type of a module without documentation" do
    hidden = hidden()

    found =
      for {module, docs} <- docs_of_modules(),
          shown =
            for({{_kind, name, arity}, _, _, doc, _} <- docs, doc != :hidden, do: {name, arity}),
          type <- types_of(module, shown),
          other <- modules_in(type),
          inspect(other) in hidden,
          uniq: true,
          do: {module, other}

    assert found == []
  end

  test "the functions of the repo that the cheatsheet names are there" do
    names = for {name, _arity} <- MyApp.Repo.__info__(:functions), uniq: true, do: "#{name}"
    text = File.read!("guides/cheatsheet.cheatmd")
    named = for [_, name] <- Regex.scan(~r/\bRepo\.([a-z_]+[?!]?)/, text), uniq: true, do: name

    assert length(named) > 30
    assert named -- names == []
  end

  defp docs, do: Mix.Project.config()[:docs]

  defp page_of({page, _options}), do: to_string(page)
  defp page_of(page), do: page

  defp in_group(name, patterns) do
    Enum.any?(List.wrap(patterns), fn
      %Regex{} = pattern -> name |> inspected() |> String.match?(pattern)
      other -> other == name
    end)
  end

  defp inspected(module) when is_atom(module), do: inspect(module)
  defp inspected(page), do: page

  defp needs_ash?(module), do: inspect(module) =~ ~r/DataLayer|Journal\.(Resource|About)/

  # Modules of lib/ with documentation, and without the Mix tasks, which have a list of their own.
  defp documented do
    {:ok, modules} = :application.get_key(:ash_rusqlite, :modules)

    for module <- modules,
        not String.starts_with?(inspect(module), "Mix."),
        source = module.module_info(:compile)[:source],
        source |> to_string() |> Path.relative_to_cwd() |> String.starts_with?("lib/"),
        {:docs_v1, _, _, _, %{}, _, _} <- [Code.fetch_docs(module)],
        do: module
  end

  # The names of modules of lib/ that the documentation leaves out.
  defp hidden do
    {:ok, modules} = :application.get_key(:ash_rusqlite, :modules)

    for module <- modules,
        {:docs_v1, _, _, _, :hidden, _, _} <- [Code.fetch_docs(module)],
        do: inspect(module)
  end

  defp docs_of_modules do
    for module <- documented(),
        {:docs_v1, _, _, _, _, _, docs} <- [Code.fetch_docs(module)],
        do: {module, docs}
  end

  defp texts_of({module, docs}) do
    {:docs_v1, _, _, _, %{"en" => text}, _, _} = Code.fetch_docs(module)
    [text | for({_, _, _, %{"en" => text}, _} <- docs, do: text)]
  end

  defp types_of(module, shown) do
    types =
      for {kind, {name, type, args}} <- fetched(Code.Typespec.fetch_types(module)),
          kind != :typep,
          do: {{name, length(args)}, [type]}

    specs =
      fetched(Code.Typespec.fetch_specs(module)) ++ fetched(Code.Typespec.fetch_callbacks(module))

    for {name, types} <- types ++ specs, name in shown, type <- types, do: type
  end

  defp fetched({:ok, list}), do: list
  defp fetched(:error), do: []

  defp modules_in({:remote_type, _, [{:atom, _, module}, _name, arguments]}),
    do: [module | modules_in(arguments)]

  defp modules_in(type) when is_tuple(type), do: type |> Tuple.to_list() |> modules_in()
  defp modules_in(types) when is_list(types), do: Enum.flat_map(types, &modules_in/1)
  defp modules_in(_other), do: []

  defp files(folder) do
    for file <- Path.wildcard(folder <> "/**/*.{rs,ex,exs,md}"),
        not String.contains?(file, "/target/"),
        do: file
  end

  defp leads_somewhere?(page, target) do
    {path, anchor} =
      case String.split(target, "#", parts: 2) do
        [path, anchor] -> {path, anchor}
        [path] -> {path, nil}
      end

    file = if path == "", do: page, else: page |> Path.dirname() |> Path.join(path)
    File.exists?(file) and (anchor == nil or anchor in anchors(file))
  end

  defp links(page) do
    for [_, target] <- Regex.scan(~r/\]\(([^)\s]+)\)/, text_of(page)), do: target
  end

  # As GitHub and ex_doc make them of headings, and those that are written.
  defp anchors(file) do
    headings =
      for [_, heading] <- Regex.scan(~r/^\#{1,6} +(.+)$/m, text_of(file)) do
        heading
        |> String.downcase()
        |> String.replace(~r/[^\p{L}\p{N}_\- ]/u, "")
        |> String.replace(" ", "-")
      end

    written = for [_, id] <- Regex.scan(~r/\{: #(\S+)|id="([^"]+)"/, File.read!(file)), do: id
    headings ++ written
  end

  # Without blocks of code, in which neither links nor headings are.
  defp text_of(page),
    do: page |> File.read!() |> String.replace(~r/^ *```.*?^ *```$/ms, "")
end
