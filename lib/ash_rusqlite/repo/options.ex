defmodule AshRusqlite.Repo.Options do
  @moduledoc false
  # The options that Elixir itself takes. Those of a query and of a database are checked by
  # the engine, in the same words.

  alias AshRusqlite.Error

  @doc "Takes `timeout:` out of the options of a call: `{timeout, other options}`."
  @spec pop_timeout(keyword(), default) :: {:ok, pos_integer() | default, keyword()} | error
        when default: :infinity | nil, error: {:error, Error.t()}
  def pop_timeout([], default), do: {:ok, default, []}

  def pop_timeout(opts, default) do
    if Keyword.keyword?(opts) do
      {timeout, opts} = Keyword.pop(opts, :timeout, default)

      if timeout in [default, :infinity] or (is_integer(timeout) and timeout > 0) do
        {:ok, timeout, opts}
      else
        wrong(:timeout, timeout, "a positive number of milliseconds, or :infinity")
      end
    else
      {:error, not_options(opts)}
    end
  end

  @doc "Checks that only known options are given. Those of all calls were taken out before."
  @spec known(keyword(), [atom()], [atom()]) :: :ok | {:error, Error.t()}
  def known(opts, known, of_all_calls \\ [:timeout])
  def known([], _known, _of_all_calls), do: :ok

  def known(opts, known, of_all_calls) do
    if Keyword.keyword?(opts) do
      case Enum.find(opts, fn {name, _} -> name not in known end) do
        nil -> :ok
        {name, _} -> {:error, unknown(name, known ++ of_all_calls)}
      end
    else
      {:error, not_options(opts)}
    end
  end

  @doc "The error for an option with a value that it cannot take."
  @spec wrong(atom(), term(), String.t()) :: {:error, Error.t()}
  def wrong(option, value, expected) do
    shown = shorten(value)
    message = "the option #{option}: takes #{expected}, not #{shown}"
    details = %{option: Atom.to_string(option), expected: expected, value: shown}
    {:error, Error.new(:invalid_option, message, details)}
  end

  @doc "A value as a message shows it."
  @spec shorten(term()) :: String.t()
  def shorten(value) do
    text = inspect(value, limit: 10, printable_limit: 60)
    if String.length(text) > 80, do: String.slice(text, 0, 77) <> "...", else: text
  end

  defp unknown(name, known) do
    nearest = Enum.max_by(known, &distance(&1, name))
    list = Enum.map_join(known, ", ", &Atom.to_string/1)
    details = %{option: Atom.to_string(name)}

    if distance(nearest, name) > 0.75 do
      message = "unknown option #{name}: did you mean #{nearest}:? The options are #{list}"
      Error.new(:invalid_option, message, Map.put(details, :nearest, Atom.to_string(nearest)))
    else
      Error.new(:invalid_option, "unknown option #{name}: the options are #{list}", details)
    end
  end

  defp distance(known, name) do
    String.jaro_distance(Atom.to_string(known), Atom.to_string(name))
  end

  defp not_options(opts) do
    Error.new(:invalid_option, "options are a keyword list, not #{shorten(opts)}")
  end
end
