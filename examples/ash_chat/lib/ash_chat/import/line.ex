defmodule AshChat.Import.Line do
  @moduledoc """
  One line of an import file: a JSON object that is one message. `guides/import-format.md`
  describes it.
  """

  alias AshChat.Import.Id
  alias AshRusqlite.Repo.JSON

  @enforce_keys [:room, :content, :role, :message_type, :created_at]
  defstruct @enforce_keys ++
              [
                :id,
                :user,
                :display_name,
                :agent,
                :profile,
                :image_url,
                :image_data,
                metadata: %{}
              ]

  @typedoc """
    * `id` - the 16 bytes of the id, nil where the line has none
    * `user`, `agent` - the name of the author; a message of the system has neither
    * `profile` - `{provider, model}` with which an agent wrote
  """
  @type t :: %__MODULE__{
          room: String.t(),
          content: String.t(),
          role: String.t(),
          message_type: String.t(),
          created_at: DateTime.t(),
          id: <<_::128>> | nil,
          user: String.t() | nil,
          display_name: String.t() | nil,
          agent: String.t() | nil,
          profile: {String.t(), String.t()} | nil,
          image_url: String.t() | nil,
          image_data: binary() | nil,
          metadata: map()
        }

  @fields ~w(id room user display_name agent profile role content image_url image_data
             metadata created_at)
  @roles ~w(user assistant system)
  @providers ~w(ollama openai anthropic)

  @doc """
  Reads a line. The error is the reason, for a person.

      iex> text = ~s({"room":"Kitchen","user":"ann","content":"Hi","created_at":"2026-01-10T09:00:00Z"})
      iex> {:ok, line} = AshChat.Import.Line.parse(text)
      iex> {line.user, line.role, line.created_at}
      {"ann", "user", ~U[2026-01-10 09:00:00.000000Z]}

      iex> AshChat.Import.Line.parse(~s({"room":"Kitchen","user":"ann"}))
      {:error, "the field content is missing"}
  """
  @spec parse(binary()) :: {:ok, t()} | {:error, String.t()}
  def parse(text) do
    with {:ok, fields} <- object(text),
         :ok <- known(fields),
         {:ok, id} <- id(fields),
         {:ok, room} <- name(fields, "room", :required),
         {:ok, user} <- name(fields, "user", :optional),
         {:ok, agent} <- name(fields, "agent", :optional),
         {:ok, display_name} <- name(fields, "display_name", :optional),
         {:ok, profile} <- profile(fields),
         {:ok, role} <- role(fields, user, agent),
         :ok <- belongs(display_name, "display_name", user, "user"),
         :ok <- belongs(profile, "profile", agent, "agent"),
         {:ok, image_url} <- text(fields, "image_url", :optional),
         {:ok, image_data} <- image_data(fields),
         {:ok, content} <- content(fields, image_url || image_data),
         {:ok, metadata} <- metadata(fields),
         {:ok, created_at} <- created_at(fields) do
      {:ok,
       %__MODULE__{
         id: id,
         room: room,
         user: user,
         display_name: display_name,
         agent: agent,
         profile: profile,
         role: role,
         content: content,
         message_type: message_type(content, image_url || image_data),
         image_url: image_url,
         image_data: image_data,
         metadata: metadata,
         created_at: created_at
       }}
    end
  end

  defp object(text) do
    case JSON.decode(text) do
      {:ok, %{} = fields} -> {:ok, fields}
      {:ok, other} -> {:error, "expected an object, {…}, but it is #{kind(other)}"}
      {:error, error} -> {:error, Exception.message(error)}
    end
  end

  defp known(fields) do
    case fields |> Map.drop(@fields) |> Map.keys() |> Enum.sort() do
      [] ->
        :ok

      [field | _] ->
        {:error,
         "the field #{inspect(field)} is unknown: the fields are " <>
           Enum.join(@fields, ", ") <> "; anything else goes into metadata"}
    end
  end

  defp id(fields) do
    with {:ok, text} when is_binary(text) <- text(fields, "id", :optional),
         :error <- Id.parse(text) do
      {:error, "the field id is no UUID: #{shorten(text)}"}
    end
  end

  defp name(fields, field, needed) do
    with {:ok, text} when is_binary(text) <- text(fields, field, needed) do
      if String.trim(text) == "",
        do: {:error, "the field #{field} is empty"},
        else: {:ok, text}
    end
  end

  defp profile(fields) do
    with {:ok, text} when is_binary(text) <- text(fields, "profile", :optional) do
      case String.split(text, "/", parts: 2) do
        [provider, model] when provider in @providers and model != "" ->
          {:ok, {provider, model}}

        _ ->
          {:error,
           "the field profile is provider/model with one of the providers " <>
             Enum.join(@providers, ", ") <> ", not #{shorten(text)}"}
      end
    end
  end

  defp role(_fields, user, agent) when user != nil and agent != nil do
    {:error, "there is a user and an agent: only one of them can have said it"}
  end

  defp role(fields, user, agent) do
    case text(fields, "role", :optional) do
      {:ok, nil} when user != nil -> {:ok, "user"}
      {:ok, nil} when agent != nil -> {:ok, "assistant"}
      {:ok, role} when role in @roles -> speaker(role, user || agent)
      {:ok, nil} -> {:error, "the field user is missing, or agent, or a role system"}
      {:ok, role} -> {:error, "the role #{shorten(role)} is none of #{Enum.join(@roles, ", ")}"}
      {:error, reason} -> {:error, reason}
    end
  end

  defp speaker(role, nil) when role != "system" do
    {:error, "the field user is missing, or agent: only the role system needs none"}
  end

  defp speaker(role, _name), do: {:ok, role}

  defp belongs(value, field, nil, owner) when value != nil do
    {:error, "the field #{field} needs the field #{owner}"}
  end

  defp belongs(_value, _field, _name, _owner), do: :ok

  defp image_data(fields) do
    with {:ok, text} when is_binary(text) <- text(fields, "image_data", :optional) do
      case Base.decode64(text) do
        {:ok, ""} -> {:error, "the field image_data is empty"}
        {:ok, bytes} -> {:ok, bytes}
        :error -> {:error, "the field image_data is not Base64"}
      end
    end
  end

  defp content(fields, image) do
    case text(fields, "content", :required) do
      {:ok, ""} when image == nil -> {:error, "the field content is empty, without an image"}
      result -> result
    end
  end

  defp metadata(fields) do
    case Map.get(fields, "metadata") do
      nil -> {:ok, %{}}
      %{} = metadata -> {:ok, metadata}
      other -> {:error, "the field metadata is #{kind(other)}, not an object"}
    end
  end

  defp created_at(fields) do
    with {:ok, text} <- text(fields, "created_at", :required) do
      # At the ends of the calendar Elixir raises where a zone leads beyond them.
      with {:ok, %{year: year}} when year in 1..9998 <- NaiveDateTime.from_iso8601(text),
           {:ok, time, _offset} <- DateTime.from_iso8601(text) do
        {:ok, %{time | microsecond: put_elem(time.microsecond, 1, 6)}}
      else
        {:error, :missing_offset} ->
          {:error, "the field created_at has no zone: end #{shorten(text)} with Z or +01:00"}

        _ ->
          {:error,
           "the field created_at is no time like 2026-01-10T09:00:00.5Z: #{shorten(text)}"}
      end
    end
  end

  defp message_type(_content, nil), do: "text"
  defp message_type("", _image), do: "image"
  defp message_type(_content, _image), do: "multimodal"

  defp text(fields, field, needed) do
    case Map.get(fields, field) do
      text when is_binary(text) -> {:ok, text}
      nil when needed == :optional -> {:ok, nil}
      nil -> {:error, "the field #{field} is missing"}
      other -> {:error, "the field #{field} is #{kind(other)}, not a string"}
    end
  end

  defp kind(nil), do: "null"
  defp kind(value) when is_boolean(value), do: "#{value}"
  defp kind(value) when is_binary(value), do: "a string"
  defp kind(value) when is_number(value), do: "a number"
  defp kind(value) when is_list(value), do: "an array"
  defp kind(value) when is_map(value), do: "an object"

  defp shorten(text), do: inspect(text, printable_limit: 60)
end
