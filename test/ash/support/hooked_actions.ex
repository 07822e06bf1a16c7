defmodule AshRusqlite.Oracle.HookedActions do
  @moduledoc false
  # Actions that do more than to write a row: what their hooks write, too, related rows, and those
  # that not everybody may do. As code.

  alias AshRusqlite.Oracle.Queries

  import AshRusqlite.Oracle.Steps
  import AshRusqlite.Oracle.Values

  def risky do
    how = pick([:ok, :ok, :before, :error, :raise])
    more = [how: how, number: new_number()]

    case between(1, 3) do
      1 ->
        input = code_of(Enum.to_list(new_key(:Post)) ++ input(:Post) ++ more)
        quote(do: Ash.create(unquote(alias_of(:Post)), unquote(input), action: :risky))

      2 ->
        input = code_of(input(:Post) ++ more)

        on_one(
          :Post,
          &quote(do: Ash.update(unquote(&1), unquote(input), action: :risky_update))
        )

      3 ->
        options = [action: :risky_destroy, input: code_of(more)]
        on_one(:Post, &quote(do: Ash.destroy(unquote(&1), unquote(options))))
    end
  end

  # Some of these name rows that are not there.
  def related do
    weighted([
      {1,
       fn ->
         comments = for number <- some(1..9 |> Enum.to_list(), 3), do: comment(number)
         input = code_of(Enum.to_list(new_key(:Post)) ++ input(:Post) ++ [comments: comments])
         quote(do: Ash.create(unquote(alias_of(:Post)), unquote(input), action: :with_comments))
       end},
      {1,
       fn ->
         update_one(:Post, :set_topics, topic_ids: some(topic_ids(), 3))
       end},
      {1, fn -> update_one(:Post, :set_author, writer: pick([nil | author_ids()])) end},
      {1, fn -> update_one(:Group, :set_authors, members: some(author_ids(), 3)) end},
      {1,
       fn ->
         members =
           for _ <- 1..between(1, 3), do: Map.merge(%{name: maybe(:string)}, new_key(:Author))

         input = code_of(Enum.to_list(new_key(:Group)) ++ [members: members])
         quote(do: Ash.create(unquote(alias_of(:Group)), unquote(input), action: :with_authors))
       end},
      {1,
       fn ->
         on_one(:Post, fn record ->
           comments = for number <- some([1, 2, 3, 10, 11], 3), do: comment(number)

           quote do
             Ash.update(
               unquote(record),
               %{
                 comments:
                   Enum.map(
                     unquote(code(comments)),
                     &Map.put(&1, :post_id, unquote(record).id)
                   )
               },
               action: :set_comments
             )
           end
         end)
       end}
    ])
  end

  defp comment(number), do: %{number: number, text: maybe(:string), stars: maybe(:int)}

  defp update_one(resource, action, input) do
    on_one(
      resource,
      &quote(do: Ash.update(unquote(&1), unquote(code_of(input)), action: unquote(action)))
    )
  end

  # By somebody, who may not.
  def secret do
    options = Queries.as(pick(owners()))

    weighted([
      {1,
       fn ->
         input = code_of(Enum.to_list(new_key(:Secret)) ++ input(:Secret))
         quote(do: Ash.create(unquote(alias_of(:Secret)), unquote(input), unquote(options)))
       end},
      {2,
       fn ->
         input = code_of(input(:Secret))
         on_one(:Secret, &quote(do: Ash.update(unquote(&1), unquote(input), unquote(options))))
       end},
      {1, fn -> on_one(:Secret, &quote(do: Ash.destroy(unquote(&1), unquote(options)))) end},
      {2,
       fn ->
         options =
           [strategy: strategies(), return_records?: true, return_errors?: true] ++ options

         input = code_of(input(:Secret))

         quote do
           Ash.bulk_update(
             unquote(filtered(:Secret)),
             :update,
             unquote(input),
             unquote(options)
           )
           |> unquote(sorted())
         end
       end},
      {1,
       fn ->
         options = [strategy: strategies(), return_errors?: true] ++ options

         quote(do: Ash.bulk_destroy(unquote(filtered(:Secret)), :destroy, %{}, unquote(options)))
       end}
    ])
  end
end
