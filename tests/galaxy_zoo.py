"""Galaxy Zoo in five folds: what voters who never saw a picture's votes say of it, and what a small network from scratch says."""

import os
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from astropy.table import Table
from sklearn.model_selection import StratifiedKFold
from torch import nn
from torch.nn import functional

from galwidget.io.pictures import read_pictures
from galwidget.science.votes import fit_votes, galaxy_zoo_votes

FOLDS = 5


@cache
def galaxy_zoo():
    """Pictures, shares of votes (n, question), and the class that Galaxy Zoo made of the debiased ones."""
    if not os.environ.get("GALWIDGET_DATA"):
        pytest.skip("GALWIDGET_DATA is not set: no Galaxy Zoo")
    folder = Path(os.environ["GALWIDGET_DATA"]) / "galaxyzoo2"
    table = Table.read(folder / "votes.csv")
    pictures = read_pictures(folder / "thumbs", table["asset_id"], crop=128)
    return pictures, galaxy_zoo_votes(table), np.asarray(table["derived_label"]).astype(str)


@cache
def folds():
    _, votes, label = galaxy_zoo()
    return list(StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(votes, label))


@cache
def said_by_voters(fold):
    """Of the pictures of this fold, by voters that learnt from the others."""
    pictures, votes, _ = galaxy_zoo()
    train, test = folds()[fold]
    return fit_votes(pictures[train], votes[train], progress=False)(pictures[test])


@cache
def said_by_cnn(fold):
    """Of the same, by a convolutional network of 100,000 weights from scratch: 40 passes in the eight turns and mirrors, which vote."""
    pictures, votes, _ = galaxy_zoo()
    train, test = folds()[fold]
    mean, scale = (part((0, 2, 3))[:, None, None] for part in (pictures[train].flux.mean, pictures[train].flux.std))
    image = torch.from_numpy((pictures.flux - mean) / scale)
    target = torch.from_numpy(votes.astype(np.float32))
    torch.manual_seed(0)
    network, random = cnn(3, votes.shape[1]), np.random.default_rng(0)
    optimizer = torch.optim.AdamW(network.parameters(), 4e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=40 * (len(train) // 32))
    for _ in range(40):
        for rows in np.split(random.permutation(train)[: len(train) // 32 * 32], len(train) // 32):
            seen = torch.stack([turned(image[row], int(turn)) for row, turn in zip(rows, random.integers(8, size=32), strict=True)])
            loss = functional.binary_cross_entropy_with_logits(network(seen.contiguous(memory_format=torch.channels_last)), target[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    network.eval()
    with torch.no_grad():
        return torch.stack([network(turned(image[test], turn)).sigmoid() for turn in range(8)]).mean(0).double().numpy()


def cnn(bands, questions):
    layers = [nn.Conv2d(bands, 24, 5, stride=2, padding=2), nn.BatchNorm2d(24), nn.ReLU()]
    for before, after in pairwise((24, 48, 64, 96)):
        layers += [nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.3), nn.Linear(96, questions))


def turned(image, turn):
    return (image.flip(-1) if turn >= 4 else image).rot90(turn % 4, (-2, -1))
