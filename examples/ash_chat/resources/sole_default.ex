defmodule AshChat.SoleDefault do
  @moduledoc """
  Makes a record the default and every other one not, in the action's transaction.
  """

  use Ash.Resource.Change

  require Ash.Query

  @impl true
  def change(changeset, _opts, _context) do
    changeset
    |> Ash.Changeset.force_change_attribute(:is_default, true)
    |> Ash.Changeset.before_action(&unset_others/1)
  end

  defp unset_others(%{resource: resource, data: %{id: id}} = changeset) do
    resource
    |> Ash.Query.filter(is_default == true and id != ^id)
    |> Ash.bulk_update(:unset_default, %{}, return_errors?: true)
    |> case do
      %{status: :success} -> changeset
      %{errors: errors} -> Ash.Changeset.add_error(changeset, errors)
    end
  end
end
