# What is in test/ash is run where Ash is.
if Code.ensure_loaded?(Ash), do: {:ok, _} = Application.ensure_all_started(:ash)

ExUnit.start()
