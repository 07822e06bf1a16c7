# What an atomic change makes nil where it must not be, SQLite refuses: one request, and Ash's own
# error.
defmodule AshRusqlite.RequiredTest do
  use ExUnit.Case, async: true

  alias Ash.Error.Changes.Required
  alias AshRusqlite.Asked
  alias AshRusqlite.Required.{OnEts, OnSqlite}

  import Ash.Expr

  @moduletag :capture_log

  defp change(item, atomics) do
    atomics
    |> Enum.reduce(Ash.Changeset.for_update(item, :update, %{}), fn {name, expression}, changes ->
      Ash.Changeset.atomic_update(changes, name, expression)
    end)
    |> Ash.update()
  end

  defp item(layer, input),
    do: Ash.create!(Module.concat(layer, Item), Map.merge(%{id: 1, size: 1, name: "a"}, input))

  test "an atomic change of what is required is one request" do
    item = item(OnSqlite, %{})

    assert {{:ok, %{size: 2, name: "a!"}}, [:update]} =
             Asked.during(fn ->
               change(item, size: expr(size + 1), name: expr(name <> "!"))
             end)

    many = fn ->
      Ash.bulk_update!(OnSqlite.Item, :update, %{},
        atomic_update: %{size: expr(size + 1)},
        strategy: :atomic
      )
    end

    assert {%{status: :success}, [:update]} = Asked.during(many)
    assert %{size: 3} = Ash.get!(OnSqlite.Item, 1)
  end

  test "an atomic change to nil is the error of the required field, as on ETS" do
    for layer <- [OnEts, OnSqlite], other <- [nil, 3] do
      item = item(layer, %{other: other})
      result = change(item, size: expr(other), name: expr(name <> "!"))
      kept = Ash.get!(Module.concat(layer, Item), 1)

      if other do
        assert {:ok, %{size: 3, name: "a!"}} = result
        assert %{size: 3, name: "a!"} = kept
      else
        assert {:error, %Ash.Error.Invalid{errors: [error]}} = result
        resource = Module.concat(layer, Item)
        assert %Required{field: :size, type: :attribute, resource: ^resource} = error
        assert %{size: 1, name: "a"} = kept
      end

      Ash.destroy!(kept)
    end
  end

  test "an atomic change of many rows to nil is the error of the required field" do
    for layer <- [OnEts, OnSqlite] do
      item(layer, %{})
      resource = Module.concat(layer, Item)

      result =
        Ash.bulk_update(resource, :update, %{},
          atomic_update: %{size: expr(other)},
          strategy: :atomic,
          return_errors?: true
        )

      assert %{status: :error, errors: [%{errors: [error]}]} = result
      assert %Required{field: :size, type: :attribute} = error
      assert %{size: 1, name: "a"} = Ash.get!(resource, 1)
    end
  end
end
