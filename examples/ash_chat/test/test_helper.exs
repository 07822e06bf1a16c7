# What is in test/ash is run where Ash is.
if Code.ensure_loaded?(Ash), do: {:ok, _} = Application.ensure_all_started(:ash)

# A machine that is busy may take long to run another process.
ExUnit.start(assert_receive_timeout: 10_000)
