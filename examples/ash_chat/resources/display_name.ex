defmodule AshChat.DisplayName do
  @moduledoc "Takes the name as display name where none is given."

  use Ash.Resource.Change

  @impl true
  def change(changeset, _opts, _context) do
    name = Ash.Changeset.get_attribute(changeset, :name)
    Ash.Changeset.change_new_attribute(changeset, :display_name, name)
  end
end
