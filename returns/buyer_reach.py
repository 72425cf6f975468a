"""What redress_buyer may read beside whole tables: single columns of the history and the seller's messages.

No names of the seller's people, no reasons and no notes of the team: those columns and rows are not granted.
"""

_SELLER = "(SELECT current_setting('app.seller_id')::bigint)"
_OWN_RETURNS = "machine = 'return' AND object_id IN (SELECT r.id FROM returns_returnrequest r)"

BUYER_REACH_SQL = [
    "GRANT SELECT (id, seller_id, machine, object_id, version, move, source, target, actor_kind, at)"
    " ON marketplace_statetransition TO redress_buyer;",
    "DROP POLICY IF EXISTS of_the_buyer ON marketplace_statetransition;"
    " CREATE POLICY of_the_buyer ON marketplace_statetransition FOR SELECT TO redress_buyer"
    f" USING (seller_id = {_SELLER} AND {_OWN_RETURNS});",
    "GRANT SELECT (id, seller_id, machine, object_id, kind, text, at) ON marketplace_note TO redress_buyer;",
    "DROP POLICY IF EXISTS of_the_buyer ON marketplace_note;"
    " CREATE POLICY of_the_buyer ON marketplace_note FOR SELECT TO redress_buyer"
    f" USING (seller_id = {_SELLER} AND kind = 'MESSAGE' AND {_OWN_RETURNS});",
]
