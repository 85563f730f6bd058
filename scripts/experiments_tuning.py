"""Heads and trunks that are trained by gradient steps: an MLP, and fine-tuning under several restraints."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  its usual name
from torch import Tensor, nn

from scripts.emotion_head import Floats
from scripts.experiments_loco import ANGRY, NEUTRAL, SHIPPED, TESTS, Lab, Sheet
from scripts.experiments_rows import PLAIN_EMPHASIS, Linear, Recipe
from scripts.experiments_trunk import Mels, Trunk, pool, smart_turn
from scripts.train_emotion import SEED

BATCH, BATCHES_A_PASS = 48, 25
HEAD_RATE, SPEAKER_RATE, DECAY, SMOOTHING = 1e-4, 1e-3, 0.01, 0.05
LONGEST_FRAMES = 300
DROPOUT = 0.1
SHARPNESS = 0.1  # temperature of the contrastive loss


class LowRank(nn.Module):
    """A frozen linear layer plus a product of two thin matrices that starts at zero."""

    def __init__(self, layer: nn.Linear, rank: int) -> None:
        super().__init__()
        self.layer = layer
        self.into = nn.Parameter(torch.randn(rank, layer.in_features) / layer.in_features**0.5)
        self.out = nn.Parameter(torch.zeros(layer.out_features, rank))

    def forward(self, inputs: Tensor) -> Tensor:
        """As the layer."""
        return self.layer(inputs) + (inputs @ self.into.T) @ self.out.T


class Reversed(torch.autograd.Function):
    """The identity, whose gradient comes back negative and scaled."""

    @staticmethod
    def forward(context: Any, inputs: Tensor, scale: float) -> Tensor:
        context.scale = scale
        return inputs.view_as(inputs)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return -context.scale * gradient, None


class Tuned(nn.Module):
    """Trunk, standardised pooling and a linear head that starts where the frozen one ends."""

    def __init__(self, trunk: Trunk, sheet: Sheet, recipe: Recipe) -> None:
        super().__init__()
        self.trunk = trunk.requires_grad_(requires_grad=False)
        mean = np.average(sheet.columns, axis=0, weights=sheet.weights)
        scale = np.sqrt(np.average(np.square(sheet.columns - mean), axis=0, weights=sheet.weights)) + 1e-3
        head = Linear().fit(sheet)
        self.head = nn.Linear(len(mean), len(head.bias))
        self.head.weight.data = torch.tensor(head.weight * scale, dtype=torch.float32)
        self.head.bias.data = torch.tensor(head.bias + head.weight @ mean, dtype=torch.float32)
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32))
        self.register_buffer("scale", torch.tensor(scale, dtype=torch.float32))
        if recipe.mode == "lora":
            for block in trunk.blocks:
                for name in ("query", "key", "value", "out", "up", "down"):
                    setattr(block, name, LowRank(getattr(block, name), recipe.rank))
        for name, parameter in trunk.named_parameters():
            if (recipe.mode == "norms" and ("norm" in name or "bias" in name)) or (
                recipe.mode == "full" and name.startswith("blocks.")
            ):
                parameter.requires_grad = True

    def forward(self, mel: Tensor) -> tuple[Tensor, Tensor]:
        """Log-mel -> logits and standardised features."""
        features = (pool(self.trunk(mel), mel) - self.mean) / self.scale
        return self.head(F.dropout(features, DROPOUT, self.training)).float(), features


def tuned(lab: Lab, held_out: str, recipe: Recipe) -> dict[str, list[Floats]]:
    """Row -> logits of the first test take of `held_out`; trained on the other corpus, two takes."""
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    rng = np.random.default_rng(SEED)
    sheet = lab.training(held_out, lab.takes, SHIPPED)
    net = Tuned(smart_turn(lab.trunk, 2, halved=True), sheet, recipe)
    test = Mels(lab.heard(TESTS[0])), np.flatnonzero(lab.corpora == held_out)
    rows = recipe.rows()
    if not recipe.mode:
        return {rows["0"]: [predict(net, *test)]}
    made = {}
    mels, clips = [Mels(lab.heard(take)) for take in lab.takes], np.flatnonzero(lab.corpora != held_out)
    drawn = rng.choice(
        len(sheet.labels), recipe.passes * BATCHES_A_PASS * BATCH, p=sheet.weights / sheet.weights.sum()
    )
    names = sorted(set(sheet.speakers.tolist()))
    speakers = torch.tensor([names.index(name) for name in sheet.speakers.tolist()])
    labels = torch.from_numpy(sheet.labels)
    judge = nn.Linear(sheet.columns.shape[1], len(names))
    start = {name: p.detach().clone() for name, p in net.named_parameters() if p.requires_grad}
    trunk = [parameter for parameter in net.trunk.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(
        [
            {"params": trunk, "lr": recipe.rate},
            {"params": net.head.parameters(), "lr": HEAD_RATE},
            {"params": judge.parameters(), "lr": SPEAKER_RATE},
        ],
        weight_decay=DECAY,
    )
    steps = recipe.passes * BATCHES_A_PASS
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min(1, (step + 1) / 10) * 0.5 * (1 + np.cos(np.pi * step / steps))
    )
    net.train()
    for step, picked in enumerate(drawn.reshape(steps, BATCH), start=1):
        windows = [mels[pick // len(clips)][clips[pick % len(clips)]] for pick in picked]
        with torch.autocast("cpu", torch.bfloat16):
            logits, features = net(augmented(crops(windows, rng)))
        loss = basic_loss(logits, labels[picked])
        if recipe.contrast:
            loss = loss + recipe.contrast * contrastive(features, labels[picked], speakers[picked])
        if recipe.adversary:
            loss = loss + F.cross_entropy(judge(Reversed.apply(features, recipe.adversary)), speakers[picked])
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_([*trunk, *net.head.parameters()], 1.0)
        optimiser.step()
        schedule.step()
        moment = str(step // BATCHES_A_PASS)
        if step % BATCHES_A_PASS == 0 and moment in rows:
            made[rows[moment]] = [predict(net, *test)]
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            if name in start:
                parameter.lerp_(start[name], 0.5)
    return made | {rows["half"]: [predict(net, *test)]}


def crops(windows: list[Any], rng: np.random.Generator) -> Tensor:
    """A batch as long as its shortest window and at most 3 s, each cut at a random place."""
    size = min(LONGEST_FRAMES, *(window.shape[1] for window in windows))
    starts = [int(rng.integers(0, window.shape[1] - size + 1)) for window in windows]
    cut = [window[:, start : start + size] for window, start in zip(windows, starts, strict=True)]
    return torch.from_numpy(np.stack(cut).astype(np.float32))


def augmented(mel: Tensor) -> Tensor:
    """Warped by up to 10 % in frequency, with a random smooth colour, a band and a stretch of time masked."""
    batch, bins, frames = mel.shape
    at = (torch.arange(bins) * (1 + 0.1 * (2 * torch.rand(batch, 1) - 1))).clamp(0, bins - 1)
    low, row = at.floor().long(), torch.arange(batch)[:, None]
    share = (at - low)[..., None]
    mel = mel[row, low] * (1 - share) + mel[row, (low + 1).clamp(max=bins - 1)] * share
    colour = F.interpolate(0.06 * torch.randn(batch, 1, 6), size=bins, mode="linear", align_corners=True)
    mel = mel + colour[:, 0, :, None]
    middle = mel.mean((1, 2), keepdim=True)
    band = _masked(batch, bins, 10)[:, :, None]
    stretch = _masked(batch, frames, max(1, frames // 10))[:, None, :]
    return torch.where(band | stretch, middle, mel)


def _masked(batch: int, size: int, longest: int) -> Tensor:
    """One random run of at most `longest` of `size` places in each row."""
    length = torch.randint(0, longest, (batch, 1))
    start = (torch.rand(batch, 1) * (size - length)).long()
    place = torch.arange(size)[None]
    return (place >= start) & (place < start + length)


def basic_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy plus the emphasis of angry against neutral, as the shipped head is fitted."""
    gap, angry = logits[:, ANGRY] - logits[:, NEUTRAL], labels == ANGRY
    chosen = (angry | (labels == NEUTRAL)).float()
    telling = F.binary_cross_entropy_with_logits(gap, angry.float(), weight=chosen)
    return F.cross_entropy(logits, labels, label_smoothing=SMOOTHING) + PLAIN_EMPHASIS * telling


def contrastive(features: Tensor, labels: Tensor, speakers: Tensor) -> Tensor:
    """Supervised contrastive loss: the same mood of another speaker should be near."""
    unit = F.normalize(features, dim=1)
    alike = (unit @ unit.T / SHARPNESS).fill_diagonal_(-1e9)
    logs = alike - alike.logsumexp(1, keepdim=True)
    wanted = ((labels[:, None] == labels) & (speakers[:, None] != speakers)).float()
    return -((logs * wanted).sum(1) / wanted.sum(1).clamp(min=1)).mean()


def predict(net: Tuned, mels: Mels, clips: Any) -> Floats:
    """Logits of some clips, in their order."""
    net.eval()
    logits = np.empty((len(clips), net.head.out_features))
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        for places, mel in mels.batches(clips, 48):
            logits[places] = net(mel)[0].numpy()
    net.train()
    return logits


def mlp_logits(
    lab: Lab, held_out: str, hidden: int = 128, dropout: float = 0.5, epochs: int = 6
) -> list[Floats]:
    """An MLP on the shipped features of two takes, asked about the held-out corpus."""
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    sheet = lab.training(held_out, lab.takes, SHIPPED)
    mean, scale = sheet.columns.mean(axis=0), sheet.columns.std(axis=0) + 1e-3
    net = nn.Sequential(
        nn.Dropout(0.2), nn.Linear(len(mean), hidden), nn.GELU(), nn.Dropout(dropout), nn.Linear(hidden, 5)
    )
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=0.1)
    inputs, labels = torch.from_numpy((sheet.columns - mean) / scale), torch.from_numpy(sheet.labels)
    chance = torch.from_numpy(sheet.weights / sheet.weights.sum())
    for _ in range(epochs * len(labels) // 128):
        picked = torch.multinomial(chance, 128, replacement=True)
        optimiser.zero_grad()
        basic_loss(net(inputs[picked]), labels[picked]).backward()
        optimiser.step()
    net.eval()
    with torch.inference_mode():
        return [
            net(torch.from_numpy((test.columns - mean) / scale)).double().numpy()
            for test in lab.tests(held_out, SHIPPED)
        ]
