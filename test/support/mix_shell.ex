defmodule AshRusqlite.MixShell do
  @moduledoc false
  # What tests of Mix's tasks share. The shell and the environment of this application are one for the
  # whole VM, so such a test is not async.

  import ExUnit.Callbacks, only: [on_exit: 1]

  @doc "Until the end of a test: another shell, and values of the application's environment."
  def replace(values, shell \\ Mix.Shell.Process) do
    before = Mix.shell()
    Mix.shell(shell)
    for {key, value} <- values, do: Application.put_env(:ash_rusqlite, key, value)

    on_exit(fn ->
      Mix.shell(before)
      for {key, _value} <- values, do: Application.delete_env(:ash_rusqlite, key)
    end)
  end

  @doc "What tasks printed into the shell of a process since it was asked last."
  def printed do
    receive do
      {:mix_shell, :info, [text]} -> IO.iodata_to_binary(text) <> "\n" <> printed()
    after
      0 -> ""
    end
  end

  @doc "The names of the files in a folder, in their order."
  def files(folder),
    do: folder |> Path.join("*") |> Path.wildcard() |> Enum.map(&Path.basename/1)
end
