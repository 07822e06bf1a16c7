defmodule AshRusqlite.ManualRelationship.Later do
  @moduledoc false
  # Of each post the posts of its thread that came later.

  use Ash.Resource.ManualRelationship

  require Ash.Query

  @impl true
  def load(posts, _opts, %{query: query} = context) do
    threads = posts |> Enum.map(& &1.thread) |> Enum.uniq()

    related =
      query
      |> Ash.Query.filter(thread in ^threads)
      |> Ash.read!(Ash.Context.to_opts(context))

    {:ok,
     Map.new(posts, fn post ->
       {post.id, Enum.filter(related, &(&1.thread == post.thread and &1.id > post.id))}
     end)}
  end
end

defmodule AshRusqlite.ManualRelationship do
  @moduledoc false
  # Posts of threads, on both data layers: `later` is a manual relationship, `later_posts` says the
  # same as a filter.

  defmodule Resources do
    @moduledoc false
    def code(layer) do
      quote do
        alias __MODULE__.Post

        defmodule Post do
          use AshRusqlite.PrivateResource, unquote(layer)

          actions do
            defaults [:read, :destroy, create: :*]
          end

          attributes do
            attribute :id, :integer, primary_key?: true, allow_nil?: false, public?: true
            attribute :thread, :string, public?: true
            attribute :likes, :integer, public?: true
          end

          relationships do
            has_many :later, __MODULE__ do
              public? true
              manual(AshRusqlite.ManualRelationship.Later)
            end

            has_many :later_posts, __MODULE__ do
              public? true
              no_attributes?(true)
              filter expr(thread == parent(thread) and id > parent(id))
            end
          end

          aggregates do
            for name <- [:later, :later_posts] do
              count :"count_of_#{name}", name
              sum :"likes_of_#{name}", name, :likes
              first(:"first_of_#{name}", name, :id, sort: :id)
              list(:"list_of_#{name}", name, :likes, sort: :id)
              exists(:"any_of_#{name}", name)
            end
          end

          calculations do
            calculate :liked_later, :boolean, expr(exists(later, likes > 5)), public?: true
          end
        end
      end
    end
  end

  use AshRusqlite.BothLayers, Resources
end
