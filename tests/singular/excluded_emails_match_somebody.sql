{#- A row of the seed that matches no address: most likely a typing mistake, and whom it means is written to. -#}
{{ config(severity='warn', meta={'show_rows': true}) }}

with

emails as (

    select * from {{ ref('int_emails_checked') }}
    where invalid_because is null

),

matching as (

    select {{ explode_list('excluded_by', 'position', 'seed_row') }}
    from emails

)

select
    excluded_emails.match,
    excluded_emails.value,
    excluded_emails.reason
from {{ ref('excluded_emails') }} as excluded_emails
left join matching
    on concat(excluded_emails.match, ' ', excluded_emails.value) = matching.seed_row
where
    matching.seed_row is null
    and exists (select 1 from emails)
