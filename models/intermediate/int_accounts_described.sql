with

customers as (

    select * from {{ ref('stg_magento__customers') }}
    where email is not null

),

addresses as (

    select * from {{ ref('stg_magento__customer_addresses') }}

),

{# Of several accounts with one e-mail, the one that was updated last. -#}
ranked_accounts as (

    select
        *,
        row_number() over (
            partition by store_key, email
            order by updated_at desc nulls last, customer_id desc
        ) as account_rank
    from customers

),

ranked_addresses as (

    select
        addresses.*,
        row_number() over (
            partition by addresses.store_key, addresses.customer_id
            order by
                case
                    when addresses.address_id = customers.default_billing_address_id then 1
                    when addresses.is_default_billing then 2
                    when addresses.address_id = customers.default_shipping_address_id then 3
                    when addresses.is_default_shipping then 4
                    else 5
                end,
                addresses.address_id
        ) as address_rank
    from addresses
    inner join customers
        on
            addresses.store_key = customers.store_key
            and addresses.customer_id = customers.customer_id

),

final as (

    select
        ----------  ids
        accounts.store_key,
        accounts.email,
        accounts.customer_id,
        accounts.customer_group_id,
        accounts.store_id,
        addresses.address_id,

        ----------  texts
        accounts.first_name,
        accounts.last_name,
        addresses.phone,
        addresses.city,
        addresses.region,
        addresses.country,
        accounts.custom_attributes,

        ----------  numerics
        accounts.gender_code,

        ----------  booleans
        accounts.is_subscribed,

        ----------  dates
        accounts.birth_date,

        ----------  timestamps
        accounts.created_at
    from ranked_accounts as accounts
    left join ranked_addresses as addresses
        on
            accounts.store_key = addresses.store_key
            and accounts.customer_id = addresses.customer_id
            and addresses.address_rank = 1
    where accounts.account_rank = 1

)

select * from final
