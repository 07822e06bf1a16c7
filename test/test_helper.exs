if Code.ensure_loaded?(Ash) do
  {:ok, _} = Application.ensure_all_started(:ash)
  # The tests say `return_records?` in each call, see AshRusqlite.DataLayer.
  Application.put_env(:ash_rusqlite, :update_many?, true)
else
  IO.puts("Ash is not here: the tests in test/ash are left out.")
end

# A machine that is busy may take long to run another process.
ExUnit.start(assert_receive_timeout: 10_000)
