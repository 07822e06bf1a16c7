defmodule AshRusqlite.BothLayers do
  @moduledoc false
  # The same resources on Ash's ETS data layer and on ours. `use AshRusqlite.BothLayers, Resources`
  # makes the modules `OnEts` and `OnSqlite` of what `Resources.code/1` gives for a data layer.

  @layers [OnEts: Ash.DataLayer.Ets, OnSqlite: AshRusqlite.DataLayer]

  defmacro __using__(resources) do
    for {name, layer} <- @layers do
      quote do
        defmodule unquote(Module.concat(__CALLER__.module, name)) do
          @moduledoc false
          require AshRusqlite.BothLayers
          AshRusqlite.BothLayers.on(unquote(resources), unquote(layer))
        end
      end
    end
  end

  @doc false
  defmacro on(resources, layer) do
    resources = Macro.expand(resources, __CALLER__)
    layer |> resources.code() |> Macro.prewalk(&bare(&1, resources))
  end

  # In Ash's expressions a name is that of a field only when no macro has written it.
  defp bare({name, meta, context}, context), do: {name, meta, nil}
  defp bare(other, _context), do: other
end
