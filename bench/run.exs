# Run by bin/bench. The modules are compiled in parallel; one that needs another waits for it.
# Since Elixir 1.15 Mix hides applications of Erlang that a project does not name.
if Code.ensure_loaded?(Mix) and function_exported?(Mix, :ensure_application!, 1) do
  Enum.each([:crypto, :mnesia], &apply(Mix, :ensure_application!, [&1]))

  try do
    apply(Mix, :ensure_application!, [:p1_sqlite3])
  rescue
    # Its figures are left out.
    Mix.Error -> :not_installed
  end
end

# Each of Ash's resources implements Inspect, which nobody asks here.
Code.compiler_options(ignore_already_consolidated: true)

files = [__DIR__, "*.ex"] |> Path.join() |> Path.wildcard()
{:ok, _modules, _warnings} = Kernel.ParallelCompiler.compile(files)

AshRusqlite.Bench.main(System.argv())
