if Code.ensure_loaded?(Ash.DataLayer) do
  defmodule AshRusqlite.DataLayer.RepoExtension do
    @moduledoc false
    # What the data layer does for a repo. mix.exs names it.

    @behaviour AshRusqlite.Repo.Extension

    alias AshRusqlite.DataLayer.{Boot, Events}

    @impl true
    def repo_started(module, otp_app, repo), do: Boot.report(module, otp_app, repo)

    @impl true
    def row(%resource{} = record) do
      if Ash.Resource.Info.resource?(resource) and
           Ash.DataLayer.data_layer(resource) == AshRusqlite.DataLayer,
         do: Events.row(record),
         else: :error
    end
  end
end
