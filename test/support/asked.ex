defmodule AshRusqlite.Asked do
  @moduledoc false
  # What the calling process asks of repos.

  # It is there where Ash is.
  @compile {:no_warn_undefined, :telemetry}

  @events [[:ash_rusqlite, :repo, :query, :stop], [:ash_rusqlite, :repo, :transaction, :stop]]

  @doc "What a function gives, and the operations that it asked for; `:transaction` at its end."
  def during(fun) do
    id = make_ref()
    :ok = :telemetry.attach_many(id, @events, &__MODULE__.forward/4, {id, self()})
    result = fun.()
    :telemetry.detach(id)
    {result, received(id)}
  end

  @doc false
  def forward(name, _measurements, metadata, {id, pid}) do
    if self() == pid, do: send(pid, {id, Map.get(metadata, :operation) || Enum.at(name, 2)})
  end

  defp received(id) do
    receive do
      {^id, operation} -> [operation | received(id)]
    after
      0 -> []
    end
  end
end
