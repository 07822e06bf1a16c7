# `write FILE ATOM` stores values whose atoms are made at run time; `read FILE` reads them in
# another VM, which has not met these atoms: the script names none of them. `limit FILE N` reads with
# at most N atoms, row by row, and then all rows.
alias AshRusqlite.Repo
alias AshRusqlite.Repo.{Reads, StoredAtoms, Writes}

{:ok, _} = Application.ensure_all_started(:ash_rusqlite)
[how, database | rest] = System.argv()

if how == "limit",
  do: Application.put_env(:ash_rusqlite, :max_stored_atoms, String.to_integer(hd(rest)))

{:ok, repo} = Repo.start_link(database: database)

case how do
  "write" ->
    [name] = rest
    new = fn suffix -> String.to_atom(name <> suffix) end
    module = Module.concat([name, "Lazy"])

    values = [
      %{new.("_key") => true},
      [new.("_item"), {new.("_in_tuple"), 1.5, nil, -7} | new.("_tail")],
      %{__struct__: module, tone: new.("_tone")},
      %{"ä" => [new.("_ä"), <<1::3>>, 1_000_000_000_000_000_000_000]},
      [new.("_日本")]
    ]

    for {value, id} <- Enum.with_index(values, 1),
        do: Writes.insert!(repo, :notes, id: id, style: value)

    IO.puts("written")

  "read" ->
    for %{id: id, style: style} <- Reads.all(repo, :notes),
        do: IO.puts("#{id} #{inspect(style, structs: false, limit: :infinity)}")

    IO.puts("made #{StoredAtoms.count().made}")
    Reads.all(repo, :notes)
    IO.puts("made #{StoredAtoms.count().made} by another read")

  "limit" ->
    for id <- Reads.all(repo, :notes, select: :id) |> Enum.map(& &1.id) do
      try do
        Reads.get!(repo, :notes, id)
        IO.puts("#{id} read")
      rescue
        error in AshRusqlite.Error ->
          IO.puts(
            "#{id} #{error.code} #{error.details.key} #{error.details.atom}: #{error.message}"
          )
      end
    end

    IO.puts("made #{StoredAtoms.count().made}")
end
