defmodule AshRusqlite.Repo.Heap do
  @moduledoc false
  # Makes room for large results. Terms for which a process has no room are made in fragments
  # beside its heap, thousands of them, and copied into the heap by the garbage collection that
  # follows at once. With room there is neither.

  @word :erlang.system_info(:wordsize)

  @doc """
  Makes room on the heap of the calling process for a number of words, and for a number of bytes of
  binaries beside it. A heap that its owner has limited is left as it is.

  The room is that of one collection: what the caller has made since the last one stays in it, and
  what finds no room behind that is made in fragments. More would be asked for again by every call,
  and never be given back.
  """
  @spec reserve(non_neg_integer(), non_neg_integer()) :: :ok
  def reserve(words, bytes) do
    with {:max_heap_size, %{size: 0}} <- Process.info(self(), :max_heap_size) do
      words_before = raise_flag(:min_heap_size, with_slack(words))
      beside_before = raise_flag(:min_bin_vheap_size, with_slack(div(bytes, @word)))
      :erlang.garbage_collect(self(), type: :minor)
      # They have counted at this collection, and count at no other one.
      :erlang.process_flag(:min_heap_size, words_before)
      :erlang.process_flag(:min_bin_vheap_size, beside_before)
    end

    :ok
  end

  # Some room stays for what the caller does with the result.
  defp with_slack(size), do: size + div(size, 8)

  defp raise_flag(flag, size) do
    before = :erlang.process_flag(flag, size)
    if before > size, do: :erlang.process_flag(flag, before)
    before
  end
end
