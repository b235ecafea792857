"""A help desk made with junjo, whose workflow answers letters: app.py [ENDPOINT] [LETTERS]

The state of its workflows, which junjo puts into attributes of its spans as JSON, holds what such an agent holds: addresses,
prompts, a key. None of it is anybody's.
"""

import asyncio
import sys

from junjo import BaseState, BaseStore, Condition, Edge, Graph, Node, Subflow, Workflow, WorkflowExecutionError
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

KEY = "sk-proj-" + "Ab3dEf6hIj9kLm2nOp5q" + "T3BlbkFJ" + "Rs8tUv1wXy4zAb7cDe0f"


class Letter(BaseState):
    number: int
    sender: str
    text: str


class Desk(BaseState):
    letter: Letter
    model: dict
    prompts: list[str] = []
    is_urgent: bool | None = None
    score: float = 0.25
    answer: str | None = None


class DeskStore(BaseStore[Desk]):
    async def set_urgency(self, is_urgent: bool) -> None:
        await self.set_state({"is_urgent": is_urgent})

    async def add_prompt(self, prompt: str) -> None:
        state = await self.get_state()
        await self.set_state({"prompts": [*state.prompts, prompt]})

    async def set_answer(self, answer: str) -> None:
        await self.set_state({"answer": answer})


class Draft(BaseState):
    to: str = ""
    lines: list[str] = []


class DraftStore(BaseStore[Draft]):
    async def begin(self, to: str) -> None:
        await self.set_state({"to": to})

    async def write(self, line: str) -> None:
        state = await self.get_state()
        await self.set_state({"lines": [*state.lines, line]})


class Read(Node[DeskStore]):
    async def service(self, store: DeskStore) -> None:
        letter = (await store.get_state()).letter
        await store.set_urgency(letter.number % 2 == 0)
        await store.add_prompt(f'Summarise for "{letter.sender}":\n{letter.text}')


class Escalate(Node[DeskStore]):
    async def service(self, store: DeskStore) -> None:
        letter = (await store.get_state()).letter
        if letter.number % 10 == 8:
            raise ValueError(f"nobody is there to call {letter.sender} back")
        await store.add_prompt("Be quick.")


class Greet(Node[DraftStore]):
    async def service(self, store: DraftStore) -> None:
        await store.write(f"Dear {(await store.get_state()).to},")


class Sign(Node[DraftStore]):
    async def service(self, store: DraftStore) -> None:
        await store.write("your help desk")


class Answer(Subflow[Draft, DraftStore, Desk, DeskStore]):
    async def pre_run_actions(self, parent_store: DeskStore, subflow_store: DraftStore) -> None:
        await subflow_store.begin((await parent_store.get_state()).letter.sender)

    async def post_run_actions(self, parent_store: DeskStore, subflow_store: DraftStore) -> None:
        await parent_store.set_answer("\n".join((await subflow_store.get_state()).lines))


class File(Node[DeskStore]):
    async def service(self, store: DeskStore) -> None:
        trace.get_current_span().set_attribute("letter.number", (await store.get_state()).letter.number)


class IsUrgent(Condition[Desk]):
    def evaluate(self, state: Desk) -> bool:
        return bool(state.is_urgent)


def answer_graph() -> Graph:
    greet, sign = Greet(), Sign()
    return Graph(source=greet, sinks=[sign], edges=[Edge(tail=greet, head=sign)])


def desk_graph() -> Graph:
    read, escalate, file = Read(), Escalate(), File()
    answer = Answer(name="answer", graph_factory=answer_graph, store_factory=lambda: DraftStore(initial_state=Draft()))
    return Graph(
        source=read,
        sinks=[file],
        edges=[
            Edge(tail=read, head=escalate, condition=IsUrgent()),
            Edge(tail=read, head=answer),
            Edge(tail=escalate, head=answer),
            Edge(tail=answer, head=file),
        ],
    )


def desk(number: int) -> Workflow[Desk, DeskStore]:
    sender = f"grace.hopper{number}@example.com"
    letter = Letter(number=number, sender=sender, text=f'It says "no". Write to {sender} or ask Ünal\n\t/ \\ at once')
    model = {"name": "small-1", "api_key": KEY, "temperature": 0.5, "stop": [], "options": {"seed": 7, "cached": None}}
    return Workflow[Desk, DeskStore](
        name="help desk",
        graph_factory=desk_graph,
        store_factory=lambda: DeskStore(initial_state=Desk(letter=letter, model=model)),
    )


async def main(endpoint: str, letters: int) -> None:
    tracers = TracerProvider(resource=Resource.create({"service.name": "help-desk"}))
    tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint, insecure=True)))
    trace.set_tracer_provider(tracers)
    failed = 0
    for number in range(letters):
        try:
            await desk(number).execute()
        except WorkflowExecutionError:
            failed += 1
    tracers.shutdown()
    print(f"{letters} letters told to {endpoint}, {failed} of them without an answer")


if __name__ == "__main__":
    arguments = sys.argv[1:]
    asyncio.run(main(arguments[0] if arguments else "http://localhost:4317", int(arguments[1]) if arguments[1:] else 10))
