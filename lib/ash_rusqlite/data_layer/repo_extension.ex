if Code.ensure_loaded?(Ash) do
  defmodule AshRusqlite.DataLayer.RepoExtension do
    @moduledoc false
    # What the data layer does for a repo. mix.exs names it.

    @behaviour AshRusqlite.Repo.Extension

    alias AshRusqlite.DataLayer.Info
    alias AshRusqlite.DataLayer.Journal.Record
    alias AshRusqlite.DataLayer.Schema.Report

    @impl true
    def repo_started(module, otp_app, repo), do: Report.report(module, otp_app, repo)

    @impl true
    def row(%resource{} = record) do
      if Ash.Resource.Info.resource?(resource) and Info.ours?(resource),
        do: Record.row(record),
        else: :error
    end
  end
end
