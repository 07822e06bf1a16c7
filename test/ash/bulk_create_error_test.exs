defmodule AshRusqlite.DataLayer.BulkCreateErrorTest do
  use ExUnit.Case, async: true

  defmodule Domain do
    use Ash.Domain, otp_app: :ash_rusqlite, validate_config_inclusion?: false

    resources do
      resource(AshRusqlite.DataLayer.BulkCreateErrorTest.Tag)
    end
  end

  defmodule Tag do
    use Ash.Resource, domain: Domain, data_layer: AshRusqlite.DataLayer

    ets do
      private?(true)
    end

    attributes do
      uuid_primary_key(:id)
      attribute(:name, :string, public?: true)
      attribute(:other, :string, public?: true)
    end

    identities do
      identity(:name, [:name], pre_check_with: Domain)
    end

    actions do
      defaults([:read, create: [:name, :other]])

      create :hooked do
        accept([:name])
        change(after_action(fn _changeset, tag, _context -> {:ok, tag} end))
      end
    end
  end

  # Ash gives the one error of a batch to each of its inputs.
  test "of two equal inputs the second is reported, and all of the batch have its error" do
    inputs = for name <- ["x", "a", "a", "b"], do: %{name: name}

    for action <- [:create, :hooked], batch_size <- [100, 4] do
      assert %{status: :error, errors: errors} =
               Ash.bulk_create(inputs, Tag, action,
                 return_errors?: true,
                 batch_size: batch_size
               )

      for error <- flat(errors) do
        assert %Ash.Error.Changes.InvalidAttribute{field: :name, vars: [input: 2]} = error
        assert error.message == "has already been taken"
        assert Exception.message(error) =~ "the input at 2, counted from 0, is at fault"
      end

      assert Ash.read!(Tag) == []
    end
  end

  test "an input of a later batch is counted among all" do
    inputs = for name <- ["x", "a", "b", "b"], do: %{name: name}
    options = [return_errors?: true, batch_size: 2]
    assert %{errors: [_ | _] = errors} = Ash.bulk_create(inputs, Tag, :create, options)
    assert Enum.uniq(Enum.map(flat(errors), & &1.vars)) == [[input: 3]]
  end

  defp flat(errors), do: Enum.flat_map(errors, &Map.get(&1, :errors, [&1]))
end
