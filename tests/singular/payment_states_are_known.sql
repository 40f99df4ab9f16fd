{#-
    A state in the seed payment_methods is one of Magento's, or one that the shop's orders have: a misspelt one would
    make every order of the method no purchase, in silence. It may also be a module's own that no order has yet, so this warns.
-#}
{{ config(severity='warn', meta={'show_rows': true}) }}

with

methods as (

    select
        payment_method,
        {{ explode_list(split_list('states', '|'), 'position', 'state') }}
    from {{ ref('payment_methods') }}

),

orders as (

    select distinct state
    from {{ ref('stg_magento__orders') }}

)

select
    methods.payment_method,
    methods.state
from methods
left join orders
    on methods.state = orders.state
where
    orders.state is null
    and methods.state not in (
        'new',
        'pending_payment',
        'processing',
        'complete',
        'closed',
        'canceled',
        'holded',
        'payment_review'
    )
