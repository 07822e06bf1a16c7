defmodule AshRusqlite.Oracle.Resources do
  @moduledoc false
  # The same resources for any data layer: `use` it in a module with the layer and the blocks
  # that the layer wants of each resource. The module becomes their domain.

  alias AshRusqlite.Oracle.Resources.{Author, Post, Secret, Ticket}

  defmacro __using__(opts) do
    layer = Macro.expand(opts[:data_layer], __CALLER__)
    domain = __CALLER__.module
    name = &Module.concat(domain, &1)
    use_resource = {layer, opts[:storage], domain}

    quote do
      use Ash.Domain, otp_app: :ash_rusqlite, validate_config_inclusion?: false

      resources do
        (unquote_splicing(
           for resource <- resources(), do: quote(do: resource(unquote(name.(resource))))
         ))
      end

      unquote(Author.code(use_resource, name))
      unquote(group(use_resource, name))
      unquote(Post.code(use_resource, name))
      unquote(comment(use_resource, name))
      unquote(topic(use_resource, name))
      unquote(joins(use_resource, name))
      unquote(card(use_resource, name))
      unquote(tenants(use_resource, name))
      unquote(visible(use_resource, name))
      unquote(Secret.code(use_resource, name))
      unquote(Ticket.code(use_resource, name))
    end
    |> Macro.prewalk(&bare/1)
  end

  # In Ash's expressions a name is that of a field only when no macro has written it.
  defp bare({name, meta, context}) when context in [__MODULE__, Author, Post, Secret, Ticket],
    do: {name, meta, nil}

  defp bare(other), do: other

  @doc "Their short names, in the order in which rows can be created."
  def resources do
    [:Group, :Author, :Post, :Comment, :Topic, :PostTopic, :AuthorTopic, :Card, :Note, :Memo] ++
      [:Visible, :Secret, :Ticket]
  end

  @doc "What every resource begins with."
  def resource({layer, storage, domain}, opts \\ []) do
    quote do
      use Ash.Resource, unquote([domain: domain, data_layer: layer] ++ opts)
      unquote(storage)
    end
  end

  @doc """
  Relationships through others, where Ash has such. None through a many_to_many: there Ash
  looks for one key among those of the other.
  """
  def through(relationships) do
    for {kind, name, destination, path} <- relationships do
      quote do
        unquote(kind)(unquote(name), unquote(destination),
          through: unquote(path),
          public?: true
        )
      end
    end
    |> where_through()
  end

  @doc "What refers to them."
  def where_through(code) do
    if Map.has_key?(struct(Ash.Resource.Relationships.HasMany), :through), do: code
  end

  @doc "The actions that all of them have, and more."
  def actions(more \\ nil) do
    quote do
      actions do
        default_accept(:*)
        defaults([:read, :destroy, create: :*, update: :*])

        read :paged do
          pagination(keyset?: true, offset?: true, countable: true, required?: false)
        end

        unquote(more)
      end
    end
  end

  defp group_actions do
    quote do
      create :with_authors do
        argument(:members, {:array, :map})
        change(manage_relationship(:members, :authors, type: :create))
      end

      update :set_authors do
        require_atomic?(false)
        argument(:members, {:array, :uuid})
        change(manage_relationship(:members, :authors, type: :append_and_remove))
      end
    end
  end

  defp group(use_resource, name) do
    quote do
      defmodule unquote(name.(:Group)) do
        @moduledoc false
        unquote(resource(use_resource))

        attributes do
          attribute(:id, :integer, primary_key?: true, allow_nil?: false, public?: true)

          attribute(:title, :string,
            public?: true,
            constraints: [allow_empty?: true, trim?: false]
          )

          attribute(:size, :integer, public?: true)
          attribute(:open, :boolean, public?: true)
        end

        relationships do
          has_many(:authors, unquote(name.(:Author)), public?: true)
          has_many(:secrets, unquote(name.(:Secret)), public?: true)
          has_many(:tickets, unquote(name.(:Ticket)), public?: true)
          has_many(:visibles, unquote(name.(:Visible)), public?: true)
          unquote(through([{:has_many, :all_posts, name.(:Post), [:authors, :posts]}]))
        end

        aggregates do
          count(:author_count, :authors, public?: true)
          count(:post_count, [:authors, :posts], public?: true)
          max(:oldest, :authors, :age, public?: true)
          list(:names, :authors, :name, public?: true)
          count(:secret_count, :secrets, public?: true)
          sum(:secret_levels, :secrets, :level, public?: true)
          count(:ticket_count, :tickets, public?: true)
          list(:ticket_texts, :tickets, :text, public?: true)
          count(:visible_count, :visibles, public?: true)
          first(:visible_text, [:visibles, :next], :text, public?: true)
        end

        calculations do
          calculate(:crowded?, :boolean, expr(author_count > size), public?: true)
        end

        unquote(actions(group_actions()))
      end
    end
  end

  defp comment(use_resource, name) do
    quote do
      defmodule unquote(name.(:Comment)) do
        @moduledoc false
        unquote(resource(use_resource))

        attributes do
          attribute(:post_id, :integer, primary_key?: true, allow_nil?: false, public?: true)
          attribute(:number, :integer, primary_key?: true, allow_nil?: false, public?: true)

          attribute(:text, :string,
            public?: true,
            constraints: [allow_empty?: true, trim?: false]
          )

          attribute(:stars, :integer, public?: true)
        end

        relationships do
          belongs_to :post, unquote(name.(:Post)) do
            public?(true)
            define_attribute?(false)
          end

          belongs_to(:author, unquote(name.(:Author)), public?: true, attribute_type: :uuid)
        end

        calculations do
          calculate(:mine?, :boolean, expr(author_id == post.author_id), public?: true)
        end

        unquote(actions())
      end
    end
  end

  defp topic(use_resource, name) do
    quote do
      defmodule unquote(name.(:Topic)) do
        @moduledoc false
        unquote(resource(use_resource))

        attributes do
          attribute(:id, :uuid, primary_key?: true, allow_nil?: false, public?: true)

          attribute(:label, :ci_string,
            public?: true,
            constraints: [allow_empty?: true, trim?: false]
          )

          attribute(:weight, :float, public?: true)
        end

        relationships do
          many_to_many :posts, unquote(name.(:Post)) do
            public?(true)
            through(unquote(name.(:PostTopic)))
            source_attribute_on_join_resource(:topic_id)
            destination_attribute_on_join_resource(:post_id)
          end
        end

        aggregates do
          count(:post_count, :posts, public?: true)
          sum(:like_sum, :posts, :likes, public?: true)
          list(:post_titles, :posts, :title, public?: true)
        end

        identities do
          identity(:by_label, [:label], pre_check_with: unquote(elem(use_resource, 2)))
        end

        unquote(actions())
      end
    end
  end

  # The one has each pair once, the other may have it twice.
  defp joins(use_resource, name) do
    quote do
      defmodule unquote(name.(:PostTopic)) do
        @moduledoc false
        unquote(resource(use_resource))

        attributes do
          attribute(:post_id, :integer, primary_key?: true, allow_nil?: false, public?: true)
          attribute(:topic_id, :uuid, primary_key?: true, allow_nil?: false, public?: true)
          attribute(:rank, :integer, public?: true)
        end

        unquote(actions())
      end

      defmodule unquote(name.(:AuthorTopic)) do
        @moduledoc false
        unquote(resource(use_resource))

        attributes do
          attribute(:id, :integer, primary_key?: true, allow_nil?: false, public?: true)
          attribute(:author_id, :uuid, public?: true)
          attribute(:topic_id, :uuid, public?: true)
          attribute(:rank, :integer, public?: true)
        end

        unquote(actions())
      end
    end
  end

  defp card(use_resource, name) do
    quote do
      defmodule unquote(name.(:Card)) do
        @moduledoc false
        unquote(resource(use_resource))

        attributes do
          attribute(:id, :string,
            primary_key?: true,
            allow_nil?: false,
            public?: true,
            constraints: [allow_empty?: true]
          )

          attribute(:number, :integer, public?: true)
        end

        relationships do
          belongs_to(:author, unquote(name.(:Author)), public?: true, attribute_type: :uuid)
        end

        unquote(actions())
      end
    end
  end

  defp tenants(use_resource, name) do
    for {resource, tenancy} <- [
          Note: quote(do: [strategy(:attribute), attribute(:org)]),
          Memo: quote(do: [strategy(:context)])
        ] do
      quote do
        defmodule unquote(name.(resource)) do
          @moduledoc false
          unquote(resource(use_resource))

          multitenancy do
            (unquote_splicing(tenancy))
          end

          attributes do
            attribute(:id, :integer, primary_key?: true, allow_nil?: false, public?: true)
            attribute(:org, :string, public?: true)

            attribute(:text, :string,
              public?: true,
              constraints: [allow_empty?: true, trim?: false]
            )

            attribute(:size, :integer, public?: true)
          end

          relationships do
            belongs_to(:above, __MODULE__, public?: true, attribute_type: :integer)
            has_many(:below, __MODULE__, public?: true, destination_attribute: :above_id)
          end

          aggregates do
            count(:below_count, :below, public?: true)
            sum(:below_size, :below, :size, public?: true)
          end

          unquote(actions())
        end
      end
    end
    |> then(&{:__block__, [], &1})
  end

  defp visible(use_resource, name) do
    quote do
      defmodule unquote(name.(:Visible)) do
        @moduledoc false
        unquote(resource(use_resource))

        resource do
          base_filter(expr(hidden != true))
        end

        attributes do
          attribute(:id, :integer, primary_key?: true, allow_nil?: false, public?: true)
          attribute(:hidden, :boolean, public?: true, default: false)

          attribute(:text, :string,
            public?: true,
            constraints: [allow_empty?: true, trim?: false]
          )
        end

        relationships do
          belongs_to(:group, unquote(name.(:Group)), public?: true, attribute_type: :integer)
          belongs_to(:next, __MODULE__, public?: true, attribute_type: :integer)
          has_many(:previous, __MODULE__, public?: true, destination_attribute: :next_id)
        end

        aggregates do
          count(:previous_count, :previous, public?: true)
        end

        calculations do
          calculate(:next_text, :string, expr(next.text), public?: true)
        end

        unquote(actions())
      end
    end
  end
end
