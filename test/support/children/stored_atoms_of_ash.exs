# `write FILE NAME` stores records whose atoms are made of the name at run time; `read FILE` prints
# them in another VM. Both print the same.
alias AshRusqlite.StoredAtoms.{Inner, Note, Point, Repo, Style}

{:ok, _} = Application.ensure_all_started(:ash_rusqlite)
{:ok, _} = Application.ensure_all_started(:ash)
[how, database | rest] = System.argv()
{:ok, _} = Repo.start_link(database: database, auto_migrate: true)

if how == "write" do
  [name] = rest
  atom = fn suffix -> String.to_atom(name <> suffix) end
  mood = String.to_atom("wild_mood_of" <> "_an_enum")

  Ash.create!(Note, %{
    id: 1,
    kind: atom.("_kind"),
    tags: [atom.("_tag"), atom.("_other_tag")],
    mood: mood,
    any: {atom.("_any"), [1.5, %{atom.("_key") => nil}]},
    style: %{atom.("_key_of_yaml") => [atom.("_value")]},
    typed: %{tone: atom.("_tone"), tones: [atom.("_tones")]},
    options: [tone: atom.("_option"), any: [atom.("_any_option")]],
    pair: {atom.("_left"), String},
    point: %Point{x: 1, label: atom.("_point")},
    embedded: %Style{tone: atom.("_embedded"), mood: mood, inner: %Inner{tone: atom.("_inner")}},
    many: [%{tone: atom.("_many")}],
    label: %Ash.Union{type: :word, value: atom.("_word")},
    labels: [
      %Ash.Union{type: :words, value: [atom.("_words")]},
      %Ash.Union{type: :style, value: %Style{tone: atom.("_style_of_union")}}
    ],
    secret: atom.("_secret")
  })

  Ash.create!(Note, %{
    id: 2,
    parent_id: 1,
    kind: atom.("_second"),
    tags: [atom.("_tag_of_second")]
  })

  Ash.create!(Note, %{id: 3, parent_id: 1, kind: atom.("_third")})
end

# Every field by a read of its own, so that none finds the atoms of another.
fields =
  [:first_kind, :kinds, :all_tags, :kind_or] ++
    (Note |> Ash.Resource.Info.attributes() |> Enum.map(& &1.name))

for field <- fields do
  load = if field in [:first_kind, :kinds, :all_tags, :kind_or], do: [field], else: []
  select = if load == [], do: [field], else: [:id]

  values =
    Note
    |> Ash.Query.select(select)
    |> Ash.Query.load(load)
    |> Ash.Query.sort(:id)
    |> Ash.read!()
    |> Enum.map(&Map.fetch!(&1, field))

  IO.puts("#{field} #{inspect(values, structs: false, limit: :infinity)}")
end
