defmodule AshRusqlite.Oracle.Ets do
  @moduledoc false
  use AshRusqlite.Oracle.Resources,
    data_layer: Ash.DataLayer.Ets,
    storage:
      (ets do
         private?(true)
       end)
end

defmodule AshRusqlite.Oracle.Ours do
  @moduledoc false
  use AshRusqlite.Oracle.Resources,
    data_layer: AshRusqlite.DataLayer,
    storage:
      (sqlite do
         repo(AshRusqlite.Oracle.Repo)
       end)
end
