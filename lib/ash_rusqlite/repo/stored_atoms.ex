defmodule AshRusqlite.Repo.StoredAtoms do
  @moduledoc """
  Limits how many atoms stored values may create.

  A stored value may hold an atom that the running VM does not have yet, such as a map key that was
  created at run time, or the name of a module that is not loaded. When such a value is read, the atom is
  created again. But the VM never frees atoms, and ends when its table of them is full, so a file could end
  it. Therefore stored values may create only this number of atoms while the VM runs:

      config :ash_rusqlite, max_stored_atoms: 100_000

  It is never more than half of the room that the table has when a repo starts. Atoms that exist already do
  not count. Beyond the limit a read fails with `:invalid_stored_value`, which names the row's key, the
  column and the atom. Once the code that names the atom is loaded, the same read succeeds.

  Functions, pids, ports and references in maps and lists are refused when they are stored and when
  they are read.
  """

  alias AshRusqlite.{Error, Native}

  @default 100_000

  @doc """
  How many atoms stored values have made, and how many they may make.

      iex> %{made: made, limit: limit} = AshRusqlite.Repo.StoredAtoms.count()
      iex> made <= limit
      true
  """
  @spec count() :: %{made: non_neg_integer(), limit: non_neg_integer()}
  def count do
    {made, limit} = Native.stored_atoms()
    %{made: made, limit: limit}
  end

  @doc false
  # Called when a repo starts: what was configured, as far as the VM has room for it.
  @spec set_limit() :: :ok | {:error, Error.t()}
  def set_limit do
    wanted = Application.get_env(:ash_rusqlite, :max_stored_atoms, @default)
    room = :erlang.system_info(:atom_limit) - :erlang.system_info(:atom_count)
    half = elem(Native.stored_atoms(), 0) + max(div(room, 2), 0)
    limit = if is_integer(wanted), do: min(wanted, half), else: wanted

    with {:error, native} <- Native.limit_stored_atoms(limit),
         do: {:error, Error.from_native(native)}
  end

  @doc """
  The atom that is stored as a text.

      iex> AshRusqlite.Repo.StoredAtoms.atom("kitchen")
      {:ok, :kitchen}
  """
  @spec atom(String.t()) :: {:ok, atom()} | {:error, Error.t()}
  def atom(text) do
    {:ok, String.to_existing_atom(text)}
  rescue
    _missing_or_too_long in [ArgumentError, SystemLimitError] -> result(Native.stored_atom(text))
  end

  @doc """
  The term of a binary in the External Term Format, as columns of bytes hold it. Pids, ports and
  references come back as the names that they are, functions are refused.

      iex> AshRusqlite.Repo.StoredAtoms.term(:erlang.term_to_binary({:kitchen, [1.5]}))
      {:ok, {:kitchen, [1.5]}}

      iex> {:error, error} = AshRusqlite.Repo.StoredAtoms.term(:erlang.term_to_binary([&is_atom/1]))
      iex> error.message
      "it holds a function, which no stored value can be"
  """
  @spec term(binary()) :: {:ok, term()} | {:error, Error.t()}
  def term(bytes) do
    result(with :dirty <- Native.stored_term(bytes), do: Native.stored_term_dirty(bytes))
  end

  defp result({:ok, _} = ok), do: ok
  defp result({:error, native}), do: {:error, Error.from_native(native)}
end
