defmodule AshRusqlite.Repo.Heap do
  @moduledoc false
  # Makes room for large results. Terms for which a process has no room are made in fragments
  # beside its heap, thousands of them, and copied into the heap by the garbage collection that
  # follows at once. With room there is neither.

  @word :erlang.system_info(:wordsize)

  @doc """
  Makes room on the heap of the calling process for so many words, and for so many bytes of
  binaries beside it. A heap that its owner has limited is left as it is.
  """
  @spec reserve(non_neg_integer(), non_neg_integer()) :: :ok
  def reserve(words, bytes) do
    facts = Process.info(self(), [:max_heap_size, :total_heap_size, :garbage_collection_info])

    with %{size: 0} <- facts[:max_heap_size] do
      beside = facts[:garbage_collection_info][:bin_vheap_size] + div(bytes, @word)
      # Some room stays for what the caller does with the result.
      grow(with_slack(facts[:total_heap_size] + words), with_slack(beside))
    end

    :ok
  end

  defp with_slack(size), do: size + div(size, 8)

  # The flags count at a garbage collection, and only at that one.
  defp grow(words, beside) do
    words_before = :erlang.process_flag(:min_heap_size, words)
    beside_before = :erlang.process_flag(:min_bin_vheap_size, beside)
    :erlang.garbage_collect(self(), type: :minor)
    :erlang.process_flag(:min_heap_size, words_before)
    :erlang.process_flag(:min_bin_vheap_size, beside_before)
  end
end
