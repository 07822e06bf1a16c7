defmodule AshRusqlite.WrittenValuesTest do
  # The data layer sees by itself that a value is as its column takes it, and asks the type
  # only about others. Both ways must give the same, so the types are asked here of all.
  use ExUnit.Case, async: true

  alias AshRusqlite.DataLayer.Value.Codec

  doctest AshRusqlite.DataLayer.Value.Uuid

  @uuid "0a1c24ee-d1bf-4624-8503-bdcdf0c40943"

  @values %{
    Ash.Type.String => ["", "fünf 🦀", :atom, 7],
    Ash.Type.Integer => [0, -7, 1.0, "7"],
    Ash.Type.Boolean => [true, false, "true", 1],
    Ash.Type.Atom => [:zed, true, Some.Module, "zed"],
    Ash.Type.UUID => [@uuid, String.upcase(@uuid), <<1::128>>, String.replace(@uuid, "0", "g")],
    Ash.Type.UUIDv7 => [
      "018f4f2c-7d3a-7000-8000-000000000001",
      "018F4F2C-7D3A-7000-8000-000000000001",
      "018f4f2c-7d3a-7000-8000-00000000000"
    ],
    Ash.Type.UtcDatetimeUsec => [~U[2026-03-04 05:06:07.000008Z], "2026-03-04"]
  }

  for {type, values} <- @values do
    test "written values of #{inspect(type)} are what the type makes of them" do
      for value <- [nil | unquote(Macro.escape(values))] do
        attribute = %{type: unquote(type), constraints: constraints(unquote(type))}

        assert result(fn -> Codec.dump_value(attribute, value) end) ==
                 result(fn -> by_type(attribute, value) end),
               inspect(value)
      end
    end
  end

  test "written values of a time that is not in UTC, or of another precision, are left to the type" do
    attribute = %{
      type: Ash.Type.UtcDatetimeUsec,
      constraints: constraints(Ash.Type.UtcDatetimeUsec)
    }

    for value <- [
          ~U[2026-03-04 05:06:07Z],
          %{~U[2026-03-04 05:06:07.000008Z] | time_zone: "Europe/Berlin", utc_offset: 3_600}
        ] do
      assert_raise ArgumentError, fn -> Codec.dump_value(attribute, value) end
    end
  end

  defp constraints(type) do
    {:ok, constraints} = Ash.Type.init(type, [])
    constraints
  end

  defp by_type(%{type: type, constraints: constraints}, value) do
    with {:ok, <<_::128>> = raw} when type in [Ash.Type.UUID, Ash.Type.UUIDv7] <-
           Ash.Type.dump_to_native(type, value, constraints) do
      Ecto.UUID.load(raw)
    end
  end

  defp result(dump) do
    with {:ok, value} <- dump.() do
      {:ok, value}
    else
      _ -> :error
    end
  rescue
    error -> error.__struct__
  end
end
