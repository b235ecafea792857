"""A shop made with haiway, which tells of its orders over one OTLP exporter: app.py [ENDPOINT] [ORDERS]

Its telemetry names people, as that of most shops does: in attributes, events, log lines and the text of exceptions. None of
them exists, and the card's number is the well-known one for tests.
"""

import asyncio
import sys

from haiway import ctx
from haiway.opentelemetry import OpenTelemetry

CARD = "4111 1111 1111 1111"


class PaymentDeclined(Exception):
    pass


def customer(number: int) -> str:
    return f"ada.lovelace{number}@example.com"


async def pay(number: int) -> None:
    async with ctx.scope("payment"):
        ctx.record_info(attributes={"payment.amount": 10.5 * number, "payment.method": "card"})
        if number % 5 == 4:
            raise PaymentDeclined(f"the card {CARD} of {customer(number)} was declined")
        ctx.log_debug("not told, since the level is INFO")


async def order(number: int) -> None:
    async with ctx.scope("checkout", observability=OpenTelemetry.observability()):
        ctx.record_info(
            attributes={"order.id": f"order-{number:04}", "order.number": number, "user.id": f"user-{number % 7}"}
        )
        ctx.record_info(
            event="order.received", attributes={"client_ip": f"203.0.113.{number}", "mail": customer(number)}
        )
        ctx.log_info("order %s of %s received", number, customer(number))
        web = {"channel": "web"}
        ctx.record_info(metric="shop.orders", value=1, unit="{order}", kind="counter", attributes=web)
        ctx.record_info(metric="shop.order.value", value=10.5 * number, unit="EUR", kind="histogram", attributes=web)
        ctx.record_info(metric="shop.queue.length", value=number, unit="{order}", kind="gauge")
        try:
            await pay(number)
        except PaymentDeclined as declined:
            ctx.log_error("order %s failed", number, exception=declined)
            ctx.log_warning("customer %s has to be asked", customer(number))


async def main(endpoint: str, orders: int) -> None:
    OpenTelemetry.configure(
        service="shop",
        version="1.2.0",
        environment="production",
        otlp_endpoint=endpoint,
        insecure=True,
        export_interval_millis=5000,
        attributes={"service.namespace": "examples"},
    )
    for number in range(orders):
        await order(number)
    print(f"{orders} orders told to {endpoint}")


if __name__ == "__main__":
    arguments = sys.argv[1:]
    asyncio.run(main(arguments[0] if arguments else "http://localhost:4317", int(arguments[1]) if arguments[1:] else 10))
