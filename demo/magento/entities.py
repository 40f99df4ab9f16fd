"""What can be listed: the table, the fields Magento can filter and sort by, and how it fails on others.

Flat tables (sales, coupons, groups) know their database columns only, and an unknown one is a 500. Customers, products
and categories know attributes: an unknown one is a 400 when filtered by and ignored when sorted by. They are filtered
by `entity_id` although their answers say `id`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Entity:
    """One kind of list.

    * `source`: table, or a query in brackets with the same columns (`entity_id, created_at, updated_at, doc`).
    * `key`: the name Magento filters the key by. `fields`: what else can be filtered by, found at the document's top.
    * `attributes`: whether `custom_attributes` can be filtered by too, and unknown names are attribute names.
    * `cookie`: whether answers open a PHP session: always, never, or only with rows (recorded).
    * `rows_per_second`: how fast one client gets them from the recorded Magento.
    """

    name: str
    source: str
    key: str
    fields: frozenset[str]
    attributes: bool = False
    cookie: Literal["always", "never", "rows"] = "never"
    rows_per_second: float = 1000.0

    @property
    def is_table(self) -> bool:
        """Whether rows are found by an indexed `entity_id`."""
        return not self.source.startswith("(")


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ORDER_FIELDS = _names("""
    adjustment_negative adjustment_positive applied_rule_ids base_adjustment_negative base_adjustment_positive
    base_currency_code base_discount_amount base_discount_canceled base_discount_invoiced base_discount_refunded
    base_discount_tax_compensation_amount base_discount_tax_compensation_invoiced
    base_discount_tax_compensation_refunded base_grand_total base_shipping_amount base_shipping_canceled
    base_shipping_discount_amount base_shipping_discount_tax_compensation_amnt base_shipping_incl_tax
    base_shipping_invoiced base_shipping_refunded base_shipping_tax_amount base_shipping_tax_refunded base_subtotal
    base_subtotal_canceled base_subtotal_incl_tax base_subtotal_invoiced base_subtotal_refunded base_tax_amount
    base_tax_canceled base_tax_invoiced base_tax_refunded base_to_global_rate base_to_order_rate base_total_canceled
    base_total_due base_total_invoiced base_total_invoiced_cost base_total_offline_refunded
    base_total_online_refunded base_total_paid base_total_qty_ordered base_total_refunded billing_address_id
    can_ship_partially can_ship_partially_item coupon_code coupon_rule_name created_at customer_dob customer_email
    customer_firstname customer_gender customer_group_id customer_id customer_is_guest customer_lastname
    customer_middlename customer_note customer_note_notify customer_prefix customer_suffix customer_taxvat
    discount_amount discount_canceled discount_description discount_invoiced discount_refunded
    discount_tax_compensation_amount discount_tax_compensation_invoiced discount_tax_compensation_refunded
    edit_increment email_sent ext_customer_id ext_order_id forced_shipment_with_invoice gift_message_id
    global_currency_code grand_total hold_before_state hold_before_status increment_id is_virtual
    order_currency_code original_increment_id payment_auth_expiration payment_authorization_amount
    paypal_ipn_customer_notified protect_code quote_address_id quote_id relation_child_id relation_child_real_id
    relation_parent_id relation_parent_real_id remote_ip send_email shipping_address_id shipping_amount
    shipping_canceled shipping_description shipping_discount_amount shipping_discount_tax_compensation_amount
    shipping_incl_tax shipping_invoiced shipping_method shipping_refunded shipping_tax_amount shipping_tax_refunded
    state status store_currency_code store_id store_name store_to_base_rate store_to_order_rate subtotal
    subtotal_canceled subtotal_incl_tax subtotal_invoiced subtotal_refunded tax_amount tax_canceled tax_invoiced
    tax_refunded total_canceled total_due total_invoiced total_item_count total_offline_refunded
    total_online_refunded total_paid total_qty_ordered total_refunded updated_at weight x_forwarded_for
""")

_ORDER_ITEM_FIELDS = _names("""
    additional_data amount_refunded applied_rule_ids base_amount_refunded base_cost base_discount_amount
    base_discount_invoiced base_discount_refunded base_discount_tax_compensation_amount
    base_discount_tax_compensation_invoiced base_discount_tax_compensation_refunded base_original_price base_price
    base_price_incl_tax base_row_invoiced base_row_total base_row_total_incl_tax base_tax_amount
    base_tax_before_discount base_tax_invoiced base_tax_refunded created_at description discount_amount
    discount_invoiced discount_percent discount_refunded discount_tax_compensation_amount
    discount_tax_compensation_canceled discount_tax_compensation_invoiced discount_tax_compensation_refunded
    ext_order_item_id free_shipping is_qty_decimal is_virtual item_id locked_do_invoice locked_do_ship name
    no_discount order_id original_price parent_item_id price price_incl_tax product_id product_type qty_backordered
    qty_canceled qty_invoiced qty_ordered qty_refunded qty_returned qty_shipped quote_item_id row_invoiced row_total
    row_total_incl_tax row_weight sku store_id tax_amount tax_before_discount tax_canceled tax_invoiced tax_percent
    tax_refunded updated_at weee_tax_applied weight
""")

_DOCUMENT_FIELDS = _names("""
    base_currency_code base_discount_amount base_discount_tax_compensation_amount base_grand_total
    base_shipping_amount base_shipping_discount_tax_compensation_amnt base_shipping_incl_tax
    base_shipping_tax_amount base_subtotal base_subtotal_incl_tax base_tax_amount base_to_global_rate
    base_to_order_rate billing_address_id created_at discount_amount discount_description
    discount_tax_compensation_amount email_sent global_currency_code grand_total increment_id order_currency_code
    order_id send_email shipping_address_id shipping_amount shipping_discount_tax_compensation_amount
    shipping_incl_tax shipping_tax_amount state store_currency_code store_id store_to_base_rate store_to_order_rate
    subtotal subtotal_incl_tax tax_amount transaction_id updated_at
""")

_CREDIT_MEMO_FIELDS = _DOCUMENT_FIELDS | _names("""
    adjustment adjustment_negative adjustment_positive base_adjustment base_adjustment_negative
    base_adjustment_positive creditmemo_status invoice_id
""")

_INVOICE_FIELDS = _DOCUMENT_FIELDS | _names(
    "base_total_refunded can_void_flag is_used_for_refund total_qty remote_ip customer_note"
)

_SHIPMENT_FIELDS = _names("""
    billing_address_id created_at customer_id customer_note email_sent increment_id order_id packages send_email
    shipment_status shipping_address_id store_id total_qty total_weight updated_at
""")

_CUSTOMER_FIELDS = _names("""
    confirmation created_at created_in default_billing default_shipping disable_auto_group_change dob email
    failures_num firstname gender group_id lastname middlename prefix store_id suffix taxvat updated_at website_id
""")

_PRODUCT_FIELDS = _names("attribute_set_id created_at name price sku status type_id updated_at visibility weight")
PRODUCT_ATTRIBUTES: dict[str, tuple[int, str, str]] = {
    "name": (73, "text", "Product Name"),
    "sku": (74, "text", "SKU"),
    "description": (75, "textarea", "Description"),
    "short_description": (76, "textarea", "Short Description"),
    "price": (77, "price", "Price"),
    "special_price": (78, "price", "Special Price"),
    "special_from_date": (79, "date", "Special Price From Date"),
    "special_to_date": (80, "date", "Special Price To Date"),
    "cost": (81, "price", "Cost"),
    "weight": (82, "weight", "Weight"),
    "manufacturer": (83, "select", "Manufacturer"),
    "meta_title": (84, "text", "Meta Title"),
    "meta_keyword": (85, "textarea", "Meta Keywords"),
    "meta_description": (86, "textarea", "Meta Description"),
    "image": (87, "media_image", "Base"),
    "small_image": (88, "media_image", "Small"),
    "thumbnail": (89, "media_image", "Thumbnail"),
    "media_gallery": (90, "gallery", "Media Gallery"),
    "tier_price": (92, "text", "Tier Price"),
    "color": (93, "select", "Color"),
    "news_from_date": (94, "date", "Set Product as New from Date"),
    "news_to_date": (95, "date", "Set Product as New to Date"),
    "gallery": (96, "gallery", "Image Gallery"),
    "status": (97, "select", "Enable Product"),
    "visibility": (99, "select", "Visibility"),
    "url_key": (119, "text", "URL Key"),
    "tax_class_id": (133, "select", "Tax Class"),
    "swatch_image": (134, "media_image", "Swatch"),
    "country_of_manufacture": (113, "select", "Country of Manufacture"),
    "options_container": (106, "select", "Display Product Options In"),
    "required_options": (107, "text", ""),
    "has_options": (108, "text", ""),
    "msrp": (116, "price", "Manufacturer's Suggested Retail Price"),
    "msrp_display_actual_price_type": (117, "select", "Display Actual Price"),
    "price_type": (124, "boolean", "Dynamic Price"),
    "sku_type": (125, "boolean", "Dynamic SKU"),
    "weight_type": (126, "boolean", "Dynamic Weight"),
    "price_view": (127, "select", "Price View"),
    "shipment_type": (128, "select", "Ship Bundle Items"),
}
"""Product attributes that every Magento has: id, input and label (the first ten as recorded)."""

_CATEGORY_FIELDS = _names("""
    available_sort_by children children_count created_at custom_design default_sort_by description display_mode
    image include_in_menu is_active is_anchor landing_page level meta_description meta_keywords meta_title name
    parent_id path position updated_at url_key url_path
""")

_ITEMS_SOURCE = """(
    select json_extract(item.value, '$.item_id') as entity_id,
           json_extract(item.value, '$.created_at') as created_at,
           json_extract(item.value, '$.updated_at') as updated_at,
           json_remove(item.value, '$.extension_attributes', '$.parent_item.extension_attributes') as doc
      from orders as parent, json_each(parent.doc, '$.items') as item)"""

ORDERS = Entity("orders", "orders", "entity_id", _ORDER_FIELDS, cookie="always", rows_per_second=75)
ORDER_ITEMS = Entity("order_items", _ITEMS_SOURCE, "item_id", _ORDER_ITEM_FIELDS, cookie="always", rows_per_second=1550)
CREDIT_MEMOS = Entity("creditmemos", "creditmemos", "entity_id", _CREDIT_MEMO_FIELDS, rows_per_second=221)
INVOICES = Entity("invoices", "invoices", "entity_id", _INVOICE_FIELDS, rows_per_second=282)
SHIPMENTS = Entity("shipments", "shipments", "entity_id", _SHIPMENT_FIELDS, rows_per_second=243)
CUSTOMERS = Entity(
    "customers", "customers", "entity_id", _CUSTOMER_FIELDS, attributes=True, cookie="always", rows_per_second=364
)
PRODUCTS = Entity(
    "products", "products", "entity_id", _PRODUCT_FIELDS, attributes=True, cookie="rows", rows_per_second=108
)
CATEGORIES = Entity("categories", "categories", "entity_id", _CATEGORY_FIELDS, attributes=True, rows_per_second=230)
CUSTOMER_GROUPS = Entity(
    "customer_groups",
    "(select entity_id, null as created_at, null as updated_at, doc from customer_groups)",
    "id",
    _names("code tax_class_id"),
)
COUPONS = Entity(
    "coupons",
    "(select entity_id, created_at, null as updated_at, doc from temp.coupons)",
    "coupon_id",
    _names("code created_at expiration_date is_primary rule_id times_used type usage_limit usage_per_customer"),
)
CART_RULES = Entity(
    "cart_rules",
    "(select entity_id, null as created_at, null as updated_at, doc from temp.cart_rules)",
    "rule_id",
    _names("name description from_date to_date is_active discount_amount simple_action coupon_type sort_order"),
)
TRANSACTIONS = Entity(
    "transactions",
    "(select 0 as entity_id, null as created_at, null as updated_at, '' as doc where 0)",
    "transaction_id",
    _names("created_at order_id parent_id payment_id txn_id txn_type"),
)
PRODUCT_ATTRIBUTE_LIST = Entity(
    "product_attributes",
    "(select entity_id, null as created_at, null as updated_at, doc from temp.product_attributes)",
    "attribute_id",
    _names("attribute_code frontend_input is_user_defined"),
    cookie="always",
)
