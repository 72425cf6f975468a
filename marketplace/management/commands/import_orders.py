"""`manage.py import_orders --seller acme --channel amazon.co.uk FILE`: import an order file and say what happened."""

from __future__ import annotations

import csv
import time
from argparse import ArgumentParser
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from marketplace.actors import Actor, ActorKind
from marketplace.errors import DomainError
from marketplace.imports import running, selectors, services, storage
from marketplace.imports.formats import Format
from marketplace.imports.mapping import Mapping
from marketplace.imports.problems import neutralise
from marketplace.imports.values import DateOrder, DecimalMark
from marketplace.models import ImportJob, Seller
from marketplace.models.imports import ImportStatus
from marketplace.tenancy import scope

_TURN = 15.0  # seconds between two lines of progress


class Command(BaseCommand):
    help = "Import an order file: Amazon's All Orders report, or your own file by a column mapping."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--seller", required=True, help="the seller's short name, such as acme")
        parser.add_argument("--channel", required=True, help="the sales channel's code, such as amazon.co.uk")
        parser.add_argument("--format", choices=[str(one) for one in Format], help="default: by its header")
        parser.add_argument("--mapping", default="", help="a mapping saved under this name")
        parser.add_argument("--save-mapping", default="", help="save the mapping that was used under this name")
        parser.add_argument("--date-order", choices=[str(one) for one in DateOrder])
        parser.add_argument("--decimal-mark", choices=[str(one) for one in DecimalMark])
        parser.add_argument("--encoding", default="", help="default: found out")
        parser.add_argument("--dry-run", action="store_true", help="read and compare everything, import nothing")
        parser.add_argument("--moves-back", action="store_true", help="let the file take finished orders back")
        parser.add_argument("--errors", type=Path, help="write the rows that were not imported to this CSV file")

    def handle(self, *args: Any, **options: Any) -> None:
        seller = Seller.objects.filter(slug=options["seller"]).first()
        if seller is None:
            raise CommandError(f"There is no seller {options['seller']!r}.")
        if not options["file"].is_file():
            raise CommandError(f"There is no file {options['file']}.")
        actor = Actor(ActorKind.SYSTEM, "import_orders", "Command line", seller.pk)
        began = time.monotonic()
        try:
            job = self._begin(seller, actor, options)
            job = self._work(seller, job)
        except DomainError as error:
            raise CommandError(error.message) from error
        with scope(seller.pk):
            self._report(job, seconds=time.monotonic() - began)
            if options["errors"]:
                self._write_errors(job, options["errors"])
            if options["dry_run"]:
                services.discard_import(job.public_id, by=actor)
        if job.status == ImportStatus.FAILED or job.problem:
            raise CommandError(job.problem)

    def _begin(self, seller: Seller, actor: Actor, options: dict[str, Any]) -> ImportJob:
        with scope(seller.pk):
            job = services.start_import(
                storage.read_in_chunks(options["file"]),
                by=actor,
                name=options["file"].name,
                channel=options["channel"],
                file_format=Format(options["format"]) if options["format"] else None,
                mapping=services.saved_mapping(options["mapping"]) if options["mapping"] else None,
                encoding=options["encoding"],
            )
            mapping = _changed(Mapping.from_dict(job.mapping), options)
            services.choose_columns(job.public_id, by=actor, mapping=mapping, save_as=options["save_mapping"])
            begin = services.preview_import if options["dry_run"] else services.run_import
            return begin(job.public_id, by=actor, moves_back=options["moves_back"])

    def _work(self, seller: Seller, job: ImportJob) -> ImportJob:
        """Work on it here; a worker that was quicker is waited for."""
        while True:
            running.work_on(seller.pk, job.pk, seconds=_TURN)
            with scope(seller.pk):
                job = services.find_import(job.public_id)
            if job.status not in running.OPEN:
                return job
            self.stdout.write(f"{job.position:,} of about {job.rows_total:,} rows ...")
            time.sleep(0.2)

    def _report(self, job: ImportJob, *, seconds: float) -> None:
        figures = selectors.figures_of(job)
        verb = "would be" if job.status == ImportStatus.CHECKED else "are"
        self.stdout.write(f"{job.file_name} for {job.channel.code}: {figures.rows:,} rows in {seconds:.1f} s")
        self.stdout.write(
            f"  {figures.lines_new:,} new, {figures.lines_unchanged:,} unchanged, {figures.lines_changed:,} {verb}"
            f" changed; {figures.orders_new:,} orders {verb} new, {figures.orders_changed:,} {verb} changed"
        )
        if figures.lines_held:
            self.stdout.write(f"  {figures.lines_held:,} left alone: the file is older than what is known")
        if figures.rows_refused:
            self.stdout.write(f"  {figures.rows_refused:,} rows not imported:")
            for problem in selectors.first_problems(job, 10):
                where = f", column {problem.column}" if problem.column else ""
                self.stdout.write(f"    line {problem.line}{where}: {problem.reason}")

    def _write_errors(self, job: ImportJob, path: Path) -> None:
        with path.open("w", encoding="utf-8", newline="") as target:
            table = csv.writer(target)
            table.writerow(map(neutralise, selectors.error_header(job)))
            after: int | None = 0
            while after is not None:
                rows, after = selectors.error_chunk(job, after)
                table.writerows([neutralise(cell, limit=500) for cell in row] for row in rows)
        self.stdout.write(f"  written to {path}")


def _changed(mapping: Mapping, options: dict[str, Any]) -> Mapping:
    if options["date_order"]:
        mapping = replace(mapping, date_order=DateOrder(options["date_order"]))
    if options["decimal_mark"]:
        mapping = replace(mapping, decimal_mark=DecimalMark(options["decimal_mark"]))
    return mapping
