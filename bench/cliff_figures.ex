if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.Bench.CliffFigures do
    @moduledoc false
    # What Ash says by relationships, tenants and policies, against the same said by hand in one
    # condition. All of it is one statement in SQLite, so both take about as long.

    alias AshRusqlite.Bench.{Cliff, Figure, Measure, Repo, World}

    import Ash.Expr
    require Ash.Query

    @rooms 100
    @bar 3.0

    @doc "The figures."
    @spec all() :: [Figure.t()]
    def all do
      for {name, ours, by_hand} <- rows() do
        %Figure{
          name: "Ash: #{name}, against it by hand",
          unit: :us,
          limit: :at_most,
          bar: @bar,
          measure: &measure(&1, ours, by_hand)
        }
      end
    end

    defp rows do
      [
        {"latest 50 by a policy about rows of a relationship to many", fn -> latest(:by_path) end,
         fn -> latest(:by_hand) end},
        {"exists over a relationship with a filter", rooms(expr(exists(unread, at == 7))),
         rooms(expr(exists(messages, read == false and at == 7)))},
        {"exists over a base filter", rooms(expr(exists(kept, at == 7))),
         rooms(expr(exists(messages, gone != true and at == 7)))},
        {"exists over a tenant's rows", rooms(expr(exists(ours, at == 7)), tenant: "a"),
         rooms(expr(exists(messages, org == "a" and at == 7)))},
        {"exists over a primary read with a filter", rooms(expr(exists(short, at == 7))),
         rooms(expr(exists(messages, at < 100 and at == 7)))},
        {"a field of a relationship to many", rooms(expr(messages.text == "t7")),
         rooms(expr(exists(messages, text == "t7")))},
        {"count over a relationship with a filter", load(:unread_count), load(:unread_by_hand)},
        {"sort by it", sort(:unread_count), sort(:unread_by_hand)},
        {"count over a base filter", load(:kept_count), load(:kept_by_hand)},
        {"count of a tenant's rows", load(:ours_count, tenant: "a"), load(:ours_by_hand)},
        {"count over a primary read with a filter", load(:short_count), load(:short_by_hand)},
        {"load of rows by parent()", load(:new), load(messages_after())},
        {"load of a relationship without attributes", load(:new_of_all), load(messages_after())}
      ]
    end

    defp latest(action) do
      Cliff.Message
      |> Ash.Query.for_read(action, %{}, actor: %{id: 1})
      |> Ash.Query.sort(at: :desc, id: :desc)
      |> Ash.Query.limit(50)
      |> Ash.read!()
    end

    defp rooms(filter, opts \\ []),
      do: fn -> Cliff.Room |> Ash.Query.do_filter(filter) |> Ash.read!(opts) end

    defp load(load, opts \\ []),
      do: fn -> Cliff.Room |> Ash.Query.load(load) |> Ash.read!([authorize?: false] ++ opts) end

    defp messages_after, do: [messages: Ash.Query.filter(Cliff.Message, at > 190)]

    defp sort(field) do
      fn ->
        Cliff.Room |> Ash.Query.sort([{field, :desc}]) |> Ash.Query.limit(10) |> Ash.read!()
      end
    end

    defp measure(world, ours, by_hand) do
      with_rows(world, fn ->
        count = world.ash.rows |> div(5) |> max(1)
        one = &Measure.us(Measure.alone(fn -> nil end, fn _ -> times(count, &1) end), count)
        Measure.rounds(world.ash.rounds, fn _ -> one.(ours) end, fn _ -> one.(by_hand) end)
      end)
    end

    defp times(count, fun), do: for(_ <- 1..count, do: [_ | _] = fun.())

    defp with_rows(world, fun) do
      {:ok, _} = Application.ensure_all_started(:ash)
      path = Path.join(world.folder, "cliffs.db")
      {:ok, _} = Repo.start_link(database: path, auto_migrate: true)
      fill(div(world.messages, 5 * @rooms) |> max(20))
      result = fun.()
      Repo.stop()
      World.remove(path)
      result
    end

    # Of 100,000 messages of a chat these are 20,000.
    defp fill(messages) do
      # The first read makes the table.
      for resource <- [Cliff.Room, Cliff.Message, Cliff.Member],
          do: Ash.read!(resource, authorize?: false)

      Repo.insert_all("cliff_rooms", for(id <- 1..@rooms, do: %{id: id, seen: 190}))

      members =
        for room <- 1..@rooms, user <- 1..10, do: {room, if(room > 5, do: user + 1, else: user)}

      rows =
        for {{room, user}, id} <- Enum.with_index(members),
            do: %{id: id, room_id: room, user_id: user}

      Repo.insert_all("cliff_members", rows)

      for room <- 1..@rooms do
        rows =
          for n <- 1..messages do
            %{
              id: room * 10_000 + n,
              room_id: room,
              org: if(rem(n, 2) == 1, do: "a", else: "b"),
              text: "t#{n}",
              at: n,
              read: rem(n, 4) != 3,
              gone: rem(n, 5) == 0
            }
          end

        Repo.insert_all("cliff_messages", rows)
      end
    end
  end
else
  defmodule AshRusqlite.Bench.CliffFigures do
    @moduledoc false
    def all, do: []
  end
end
