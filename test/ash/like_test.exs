# `like`, `ilike` and LIKE in fragments are those of AshSqlite, whose repo distinguishes case, or
# SQLite's: the resource says which, or its repo. It is the same whether SQL or Elixir computes it.
defmodule AshRusqlite.LikeTest do
  use ExUnit.Case, async: true

  import Ash.Expr
  require Ash.Query

  alias AshRusqlite.AnyDomain, as: Domain

  defmodule Repo do
    use AshRusqlite.Repo, otp_app: :ash_like_test
  end

  defmodule OtherRepo do
    use AshRusqlite.Repo, otp_app: :ash_like_test
  end

  for {name, repo, like} <- [
        {Strict, Repo, nil},
        {Loose, Repo, :sqlite},
        {ByRepo, OtherRepo, nil},
        {Again, OtherRepo, :ash_sqlite}
      ] do
    defmodule name do
      use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

      sqlite do
        repo repo
        table "notes_of_#{name |> Module.split() |> List.last()}"
        if like, do: like(like)
      end

      actions do
        defaults [:read, :destroy, create: :*, update: :*]
      end

      attributes do
        integer_primary_key(:id, public?: true, writable?: true)
        attribute :title, :string, public?: true
      end

      calculations do
        calculate :matches, :boolean, expr(like(title, "%atc%"))
        calculate :matches_in_sql, :boolean, expr(fragment("? LIKE '%atc%'", title))
      end
    end
  end

  setup do
    {:ok, _} = Application.ensure_all_started(:ash)
    start_supervised!({Repo, database: ":memory:", auto_migrate: true})
    start_supervised!({OtherRepo, database: ":memory:", auto_migrate: true, like: :sqlite})

    for resource <- [Strict, Loose, ByRepo, Again],
        {title, id} <-
          Enum.with_index(["MATCH", "match", "50%", "50\\x", "KÜCHE", "küche", nil]) do
      Ash.create!(resource, %{id: id, title: title})
    end

    :ok
  end

  @atc "%atc%"
  @backslash "50\\%"

  defp titles(query), do: query |> Ash.read!() |> Enum.map(& &1.title)

  defp forms(resource) do
    %{
      like: titles(Ash.Query.filter(resource, like(title, ^@atc))),
      escape: titles(Ash.Query.filter(resource, like(title, ^@backslash))),
      ilike: titles(Ash.Query.filter(resource, ilike(title, ^@atc))),
      letters: titles(Ash.Query.filter(resource, ilike(title, "küche"))),
      fragment: titles(Ash.Query.filter(resource, fragment("? LIKE ?", title, ^@atc))),
      none: titles(Ash.Query.filter(resource, fragment("? NOT like ?", title, ^@atc))),
      function: titles(Ash.Query.filter(resource, fragment("like(?, ?)", ^@atc, title))),
      escaped: titles(Ash.Query.filter(resource, fragment("? LIKE '50!%' ESCAPE '!'", title))),
      text: titles(Ash.Query.filter(resource, fragment("? = 'a LIKE b'", title)))
    }
  end

  # What Elixir has to compute takes the whole filter with it.
  defp in_elixir(resource) do
    id = &Ash.Query.filter(&1, string_join(["x", title]) != "y")

    %{
      like: resource |> Ash.Query.filter(like(title, ^@atc)) |> id.() |> titles(),
      escape: resource |> Ash.Query.filter(like(title, ^@backslash)) |> id.() |> titles(),
      ilike: resource |> Ash.Query.filter(ilike(title, ^@atc)) |> id.() |> titles(),
      letters: resource |> Ash.Query.filter(ilike(title, "küche")) |> id.() |> titles()
    }
  end

  for resource <- [Strict, Again] do
    test "#{inspect(resource)} distinguishes case, and nothing escapes" do
      forms = forms(unquote(resource))

      assert %{like: ["match"], escape: ["50\\x"], ilike: ["MATCH", "match"]} = forms
      assert %{letters: ["küche"], fragment: ["match"], function: ["match"]} = forms
      assert %{escaped: ["50%"], text: []} = forms
      assert forms.none == ["MATCH", "50%", "50\\x", "KÜCHE", "küche"]
      assert in_elixir(unquote(resource)) == Map.take(forms, [:like, :escape, :ilike, :letters])
    end
  end

  for resource <- [Loose, ByRepo] do
    test "#{inspect(resource)} does not, and the backslash escapes in functions" do
      forms = forms(unquote(resource))

      assert %{like: ["MATCH", "match"], escape: ["50%"], ilike: ["MATCH", "match"]} = forms
      assert %{letters: ["KÜCHE", "küche"], fragment: ["MATCH", "match"]} = forms
      assert %{function: ["MATCH", "match"], escaped: ["50%"], text: []} = forms
      assert forms.none == ["50%", "50\\x", "KÜCHE", "küche"]
      assert in_elixir(unquote(resource)) == Map.take(forms, [:like, :escape, :ilike, :letters])
    end
  end

  test "a calculation has the like of its resource" do
    for {resource, wanted} <- [{Strict, [1]}, {Loose, [0, 1]}] do
      loaded = Ash.read!(resource, load: [:matches, :matches_in_sql])
      assert for(%{id: id, matches: true} <- loaded, do: id) == wanted
      assert for(%{id: id, matches_in_sql: true} <- loaded, do: id) == wanted
    end
  end

  test "what Elixir computes of a change has the like of its resource" do
    for {resource, title} <- [{Strict, "MATCH"}, {Loose, "MATCH!"}] do
      changed = expr(if like(title, "%atc%"), do: string_join([title, "!"]), else: title)

      assert %{title: ^title} =
               resource
               |> Ash.get!(0)
               |> Ash.Changeset.for_update(:update, %{})
               |> Ash.Changeset.atomic_update(:title, changed)
               |> Ash.update!()
    end
  end

  test "an expression of no row has the like of its resource" do
    for {resource, wanted} <- [{Strict, false}, {Loose, true}] do
      expression = expr(like("MATCH", "%atc%"))
      assert {:ok, [^wanted]} = AshRusqlite.DataLayer.calculate(resource, [expression], %{})
    end
  end

  test "a bulk destroy by a pattern leaves what differs in case" do
    Strict |> Ash.Query.filter(like(title, ^@atc)) |> Ash.bulk_destroy!(:destroy, %{})
    assert "MATCH" in titles(Strict)
    refute "match" in titles(Strict)
  end

  test "REGEXP, for which SQLite has no function, stays an error" do
    assert {:error, error} = Ash.read(Ash.Query.filter(Strict, fragment("? REGEXP 'a'", title)))
    assert Exception.message(error) =~ "REGEXP"
    assert {:error, %{code: :sql_syntax}} = Repo.query("SELECT 'a' REGEXP 'a'")
    assert {:ok, _} = Repo.query("SELECT 'regexp'")
  end

  test "an option that is none is refused by name" do
    assert {:error, error} = Repo.start_link(name: nil, database: ":memory:", like: :postgres)
    assert inspect(error) =~ ":ash_sqlite or :sqlite"
  end
end
