defmodule AshRusqlite.Oracle.Resources.Post do
  @moduledoc false
  # The resource whose actions write others, too.

  alias AshRusqlite.Oracle.Resources

  def code(use_resource, name) do
    quote do
      defmodule unquote(name.(:Post)) do
        @moduledoc false
        unquote(Resources.resource(use_resource))

        attributes do
          attribute(:id, :integer, primary_key?: true, allow_nil?: false, public?: true)

          attribute(:title, :string,
            public?: true,
            constraints: [allow_empty?: true, trim?: false]
          )

          attribute(:likes, :integer, public?: true)
          attribute(:price, :decimal, public?: true)
          attribute(:rating, :float, public?: true)
          attribute(:state, :atom, public?: true)
          attribute(:hidden, :boolean, public?: true, default: false)
          attribute(:day, :date, public?: true)
          attribute(:at, :utc_datetime_usec, public?: true)

          attribute(:words, {:array, :string},
            public?: true,
            constraints: [items: [allow_empty?: true]]
          )
        end

        relationships do
          belongs_to(:author, unquote(name.(:Author)), public?: true, attribute_type: :uuid)
          belongs_to(:parent, __MODULE__, public?: true, attribute_type: :integer)
          has_many(:replies, __MODULE__, public?: true, destination_attribute: :parent_id)
          has_many(:comments, unquote(name.(:Comment)), public?: true)
          unquote(Resources.through([{:has_one, :boss, name.(:Author), [:author, :boss]}]))

          many_to_many :topics, unquote(name.(:Topic)) do
            public?(true)
            through(unquote(name.(:PostTopic)))
            source_attribute_on_join_resource(:post_id)
            destination_attribute_on_join_resource(:topic_id)
          end

          has_many :strong_joins, unquote(name.(:PostTopic)) do
            public?(true)
            destination_attribute(:post_id)
            filter(expr(rank > 1))
          end

          many_to_many :strong_topics, unquote(name.(:Topic)) do
            public?(true)
            join_relationship(:strong_joins)
            through(unquote(name.(:PostTopic)))
            source_attribute_on_join_resource(:post_id)
            destination_attribute_on_join_resource(:topic_id)
            filter(expr(is_nil(weight) or weight < 10))
          end
        end

        calculations do
          calculate(:twice, :integer, expr(likes * 2), public?: true)
          calculate(:author_name, :string, expr(author.name), public?: true)

          calculate(:loud, :boolean, expr(contains(title, "A") or comment_count > 1),
            public?: true
          )

          calculate(:shown, :string, expr(if(hidden, do: nil, else: title)), public?: true)
        end

        aggregates do
          count(:comment_count, :comments, public?: true)
          count(:topic_count, :topics, public?: true)
          count(:strong_count, :strong_topics, public?: true)
          sum(:stars, :comments, :stars, public?: true)
          exists(:commented?, :comments, public?: true)
          list(:labels, :topics, :label, public?: true)
          count(:reply_comments, [:replies, :comments], public?: true)
          first(:group_title, [:author, :group], :title, public?: true)
        end

        unquote(Resources.actions(actions()))
      end
    end
  end

  # Actions whose hooks write, too, and may fail behind that; and those that write related rows.
  defp actions do
    quote do
      create :risky do
        argument(:how, :atom)
        argument(:number, :integer)
        change(AshRusqlite.Oracle.Risky)
      end

      update :risky_update do
        require_atomic?(false)
        argument(:how, :atom)
        argument(:number, :integer)
        change(AshRusqlite.Oracle.Risky)
      end

      destroy :risky_destroy do
        require_atomic?(false)
        argument(:how, :atom)
        argument(:number, :integer)
        change(AshRusqlite.Oracle.Risky)
      end

      create :with_comments do
        argument(:comments, {:array, :map})
        change(manage_relationship(:comments, type: :create))
      end

      update :set_comments do
        require_atomic?(false)
        argument(:comments, {:array, :map})
        change(manage_relationship(:comments, type: :direct_control))
      end

      update :set_topics do
        require_atomic?(false)
        argument(:topic_ids, {:array, :uuid})
        change(manage_relationship(:topic_ids, :topics, type: :append_and_remove))
      end

      update :set_author do
        require_atomic?(false)
        argument(:writer, :uuid)
        change(manage_relationship(:writer, :author, type: :append_and_remove))
      end
    end
  end
end

defmodule AshRusqlite.Oracle.Risky do
  @moduledoc false
  # Hooks that write a comment on the post behind the action, and then succeed or not.
  use Ash.Resource.Change

  @impl true
  def change(changeset, _opts, _context) do
    how = Ash.Changeset.get_argument(changeset, :how)
    number = Ash.Changeset.get_argument(changeset, :number)

    comment =
      changeset.resource |> Module.split() |> List.replace_at(-1, "Comment") |> Module.concat()

    changeset
    |> Ash.Changeset.before_action(fn changeset ->
      if how == :before, do: Ash.Changeset.add_error(changeset, error()), else: changeset
    end)
    |> Ash.Changeset.after_action(fn _changeset, post ->
      Ash.create!(comment, %{post_id: post.id, number: number, text: "risky"})

      case how do
        :error -> {:error, error()}
        :raise -> raise "enough"
        _ -> {:ok, post}
      end
    end)
  end

  defp error, do: Ash.Error.Changes.InvalidAttribute.exception(field: :title, message: "no")
end
