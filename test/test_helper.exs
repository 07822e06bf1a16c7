if Code.ensure_loaded?(Ash) do
  {:ok, _} = Application.ensure_all_started(:ash)
  # Not only where the release of Ash is sound: the tests say what they want of it.
  Application.put_env(:ash_rusqlite, :update_many?, true)
else
  IO.puts("Ash is not here: the tests in test/ash are left out.")
end

ExUnit.start()
