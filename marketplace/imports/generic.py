"""Which mapping would fit a seller's own order file? A guess, for a person to check."""

from __future__ import annotations

import re

from marketplace.imports.mapping import DATE_FIELDS, SAMPLE_ROWS, Field, Mapping
from marketplace.imports.reading import Report
from marketplace.imports.statuses import recognise
from marketplace.imports.values import likely_mark, only_order
from marketplace.money import EXPONENTS

# Names that order files give to our fields, letters and figures only; the first that is there is taken.
_NAMES: dict[Field, str] = {
    Field.ORDER_NUMBER: "amazonorderid orderid ordernumber orderno ordernr orderref ordername order"
    " purchaseorder salesrecordnumber bestellnummer numerodecommande",
    Field.PURCHASED_AT: "purchasedate orderdate saledate purchasedat orderedat createdat datepurchased"
    " paidondate date bestelldatum",
    Field.SKU: "sku sellersku merchantsku lineitemsku itemsku customlabel variantsku itemnumber artikelnummer",
    Field.QUANTITY: "quantity qty quantitypurchased lineitemquantity quantityordered units menge anzahl",
    Field.ITEM_AMOUNT: "itemprice amount lineitemprice linetotal itemtotal saleprice soldfor price"
    " unitprice betrag preis",
    Field.CURRENCY: "currency currencycode currencyunit waehrung",
    Field.STATUS: "orderstatus status fulfillmentstatus state",
    Field.ITEM_STATUS: "itemstatus linestatus",
    Field.CHANNEL: "saleschannel marketplace channel",
    Field.TITLE: "productname title itemtitle lineitemname itemname description style artikel",
    Field.ASIN: "asin",
    Field.SHIPPED_AT: "shippeddate shipdate shippedat dispatchdate fulfilledat shippedondate",
    Field.DELIVERED_AT: "delivereddate deliverydate deliveredat",
    Field.QUANTITY_SHIPPED: "quantityshipped shippedquantity qtyshipped",
    Field.ITEM_TAX: "itemtax tax vat lineitemtax",
    Field.SHIPPING_AMOUNT: "shippingprice shipping postage shippingcost postageandpackaging",
    Field.SHIPPING_TAX: "shippingtax",
    Field.WRAP_AMOUNT: "giftwrapprice giftwrap",
    Field.WRAP_TAX: "giftwraptax",
    Field.ITEM_DISCOUNT: "itempromotiondiscount discount discountamount lineitemdiscount",
    Field.SHIPPING_DISCOUNT: "shippromotiondiscount shippingdiscount",
    Field.COUNTRY: "shipcountry shippingcountry deliverycountry country shippingcountrycode",
    Field.POSTCODE: "shippostalcode shippingzip postcode postalcode zip shippostcode deliverypostcode plz",
    Field.PAYMENT_REFERENCE: "paymentreference paymentid transactionid chargeid paymentintent",
    Field.BUYER_NAME: "buyername customername recipientname billingname",
    Field.BUYER_EMAIL: "buyeremail email customeremail",
}
_UNIT_PRICES = frozenset({"unitprice", "lineitemprice"})


def suggest_mapping(report: Report, *, currency: str = "") -> Mapping:
    """Columns by their names, date order and decimal mark by the first rows. A date order that the rows leave
    open stays open, so that a person must choose."""
    columns = _suggest_columns(report)
    samples = report.sample(columns, SAMPLE_ROWS)
    dates = [cells.get(name, "") for cells in samples for name in DATE_FIELDS]
    amounts = [text for cells in samples for name, text in cells.items() if name.endswith(("_amount", "_tax"))]
    return Mapping(
        columns=columns,
        date_order=only_order(dates),
        decimal_mark=likely_mark(amounts),
        currency=_common_currency(samples) or currency,
        is_unit_price=_squeeze(columns.get(Field.ITEM_AMOUNT, "")) in _UNIT_PRICES,
    )


def unknown_words(report: Report, mapping: Mapping) -> list[str]:
    """Status words in the first rows that neither we nor the mapping know, as they appear."""
    wanted = {
        name: column
        for name, column in mapping.columns.items()
        if name in (Field.STATUS, Field.ITEM_STATUS) and report.has(column)
    }
    found: dict[str, None] = {}
    for cells in report.sample(wanted, SAMPLE_ROWS):
        for word in cells.values():
            if word and not recognise(word) and word.casefold() not in mapping.words:
                found[word[:40]] = None
    return list(found)[:20]


def _suggest_columns(report: Report) -> dict[Field, str]:
    by_name: dict[str, str] = {}
    for header in report.headers:
        by_name.setdefault(_squeeze(header), header.strip())
    columns: dict[Field, str] = {}
    for name, known in _NAMES.items():
        column = next((by_name[word] for word in known.split() if word in by_name), "")
        if column and column not in columns.values():
            columns[name] = column
    return columns


def _common_currency(samples: list[dict[str, str]]) -> str:
    codes = {cells.get(Field.CURRENCY, "").upper() for cells in samples} - {""}
    return codes.pop() if len(codes) == 1 and codes <= EXPONENTS.keys() else ""


def _squeeze(header: str) -> str:
    return re.sub(r"[^a-z0-9]", "", header.casefold())
