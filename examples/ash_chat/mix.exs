defmodule AshChat.MixProject do
  use Mix.Project

  def project do
    [
      app: :ash_chat,
      version: "0.1.0",
      elixir: "~> 1.14",
      elixirc_paths: elixirc_paths(Mix.env(), ash?()),
      test_paths: test_paths(ash?()),
      deps: deps(Code.ensure_loaded?(Hex))
    ]
  end

  def application, do: [extra_applications: if(ash?(), do: [:logger, :ash], else: [:logger])]

  # Without Hex, as on a bare Debian, the importer and the demo work and the resources are left out,
  # unless Ash is on the code path all the same.
  defp deps(true), do: [{:ash, "~> 3.5"}, {:simple_sat, "~> 0.1"} | deps(false)]
  defp deps(false), do: [{:ash_rusqlite, path: "../.."}]

  defp ash?, do: Code.ensure_loaded?(Hex) or :code.lib_dir(:ash) != {:error, :bad_name}

  # What is in resources/ and test/ash needs Ash.
  defp elixirc_paths(:test, true),
    do: elixirc_paths(:test, false) ++ ["resources", "test/ash/support"]

  defp elixirc_paths(:test, false), do: ["lib", "test/support"]
  defp elixirc_paths(_, true), do: ["lib", "resources"]
  defp elixirc_paths(_, false), do: ["lib"]

  defp test_paths(true), do: ["test"]
  defp test_paths(false), do: ["test/ash_chat"]
end
